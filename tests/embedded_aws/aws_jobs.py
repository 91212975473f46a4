"""Submits jobs to an embedded AWS and waits for them."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any

from local_aws import LocalAws, archive, wait_until

_numbers = itertools.count(1)


def unique(prefix: str) -> str:
    """A resource name no other test uses."""
    return f"{prefix}-{time.time_ns() // 1000 % 10**9}-{next(_numbers)}"


def s3_input(uri: str, path: str) -> dict[str, str]:
    """An S3Input of a processing job."""
    return {"S3Uri": uri, "LocalPath": path, "S3DataType": "S3Prefix", "S3InputMode": "File"}


def waiting_for(path: Path) -> str:
    """Lines of a job's script that wait until the test makes the file."""
    return f"import pathlib, time\nwhile not pathlib.Path({str(path)!r}).exists():\n    time.sleep(0.05)\n"


def put(jobs: Any, **objects: bytes) -> str:
    """Store objects below a prefix of their own, which is returned without a slash at its end."""
    prefix = f"inputs/{unique('data')}"
    for name, body in objects.items():
        jobs.s3.put_object(Bucket=jobs.aws.bucket, Key=f"{prefix}/{name.replace('__', '/')}", Body=body)
    return f"s3://{jobs.aws.bucket}/{prefix}"


def channel(uri: str, data_type: str = "S3Prefix", **changes: Any) -> dict[str, Any]:
    """A channel called train; members in capitals are the source's."""
    own = ("AttributeNames", "S3DataDistributionType", "InstanceGroupNames")
    source = {name: changes.pop(name) for name in own if name in changes}
    return {
        "ChannelName": "train",
        "DataSource": {"S3DataSource": {"S3DataType": data_type, "S3Uri": uri, **source}},
        **changes,
    }


class Jobs:
    """Submits training and processing jobs that run a short Python script."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.sagemaker = aws.client("sagemaker")
        self.s3 = aws.client("s3")

    def training_request(self, script: str, **changes: Any) -> dict[str, Any]:
        """A request in script mode that runs the script."""
        name = changes.pop("TrainingJobName", None) or unique("training")
        key = f"code/{name}/sourcedir.tar.gz"
        self.s3.put_object(Bucket=self.aws.bucket, Key=key, Body=archive(train=script))
        parameters = {
            "sagemaker_program": '"train.py"',
            "sagemaker_submit_directory": f'"s3://{self.aws.bucket}/{key}"',
            **changes.pop("HyperParameters", {}),
        }
        return {
            "TrainingJobName": name,
            "AlgorithmSpecification": {"TrainingImage": self.aws.image, "TrainingInputMode": "File"},
            "RoleArn": self.aws.role_arn,
            "HyperParameters": parameters,
            "OutputDataConfig": {"S3OutputPath": f"s3://{self.aws.bucket}/jobs"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            **changes,
        }

    def train(self, script: str, **changes: Any) -> str:
        """Submit a training job; its name."""
        request = self.training_request(script, **changes)
        self.sagemaker.create_training_job(**request)
        return str(request["TrainingJobName"])

    def process(self, script: str, *arguments: str, **changes: Any) -> str:
        """Submit a processing job; its name."""
        name = changes.pop("ProcessingJobName", None) or unique("processing")
        key = f"code/{name}/script.py"
        self.s3.put_object(Bucket=self.aws.bucket, Key=key, Body=script.encode())
        code = s3_input(f"s3://{self.aws.bucket}/{key}", "/opt/ml/processing/code")
        instances = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
        self.sagemaker.create_processing_job(
            **{
                "ProcessingJobName": name,
                "AppSpecification": {
                    "ImageUri": self.aws.image,
                    "ContainerEntrypoint": ["python3", "/opt/ml/processing/code/script.py"],
                    **({"ContainerArguments": list(arguments)} if arguments else {}),
                },
                "ProcessingResources": {"ClusterConfig": instances},
                "RoleArn": self.aws.role_arn,
                "ProcessingInputs": [
                    {"InputName": "code", "S3Input": code},
                    *changes.pop("ProcessingInputs", []),
                ],
                **changes,
            }
        )
        return name

    def ended(self, name: str, timeout_s: float = 120, period_s: float = 0.05) -> dict[str, Any]:
        """The training job's description once its status is final."""
        return wait_until(lambda: self._final(self.training(name), "TrainingJobStatus"), timeout_s, period_s)

    def ended_processing(self, name: str, timeout_s: float = 120) -> dict[str, Any]:
        """The processing job's description once its status is final."""
        return wait_until(
            lambda: self._final(
                self.sagemaker.describe_processing_job(ProcessingJobName=name), "ProcessingJobStatus"
            ),
            timeout_s,
        )

    def training(self, name: str) -> dict[str, Any]:
        """The training job's description."""
        return dict(self.sagemaker.describe_training_job(TrainingJobName=name))

    def reached(self, name: str, secondary: str) -> dict[str, Any]:
        """The training job's description once it is in the secondary status."""

        def look() -> dict[str, Any] | None:
            job = self.training(name)
            return job if job["SecondaryStatus"] == secondary else None

        return wait_until(look)

    def log(self, name: str, group: str = "/aws/sagemaker/TrainingJobs") -> list[str]:
        """The job's messages in CloudWatch Logs."""
        logs = self.aws.client("logs")
        try:
            streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")[
                "logStreams"
            ]
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [
            event["message"]
            for stream in streams
            for event in logs.get_log_events(
                logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
            )["events"]
        ]

    def logged(self, name: str, text: str, group: str = "/aws/sagemaker/TrainingJobs") -> list[str]:
        """The job's messages once one of them holds the text."""

        def look() -> list[str]:
            lines = self.log(name, group)
            return lines if any(text in line for line in lines) else []

        return wait_until(look)

    def logged_times(self, name: str, text: str, count: int) -> list[str]:
        """The job's messages once so many of them hold the text."""

        def look() -> list[str]:
            lines = self.log(name)
            return lines if sum(text in line for line in lines) >= count else []

        return wait_until(look)

    @staticmethod
    def _final(job: dict[str, Any], member: str) -> dict[str, Any] | None:
        return job if job[member] in ("Completed", "Failed", "Stopped") else None
