"""Requests for small jobs and models, the same for every client."""

from __future__ import annotations

import itertools
import time
from typing import Any

from local_aws import LocalAws, archive

TRAIN = """
import os, pathlib
print("validation:accuracy=0.75", flush=True)
pathlib.Path(os.environ["SM_MODEL_DIR"], "weights").write_text("1")
print("the last line of the training", flush=True)
"""
PROCESS = "print('the last line of the processing', flush=True)"
ENDLESS = "import signal; signal.pause()"
INFERENCE = """
def model_fn(directory):
    return 2

def transform_fn(model, body, content_type, accept):
    return "".join(f"{float(line) * model}\\n" for line in body.decode().split()), "text/csv"
"""
INSTANCE = {"InstanceType": "ml.m5.large", "InstanceCount": 1}
_numbers = itertools.count(1)


def unique(prefix: str) -> str:
    """A resource name no other test uses."""
    return f"{prefix}-{time.time_ns() // 1000 % 10**9}-{next(_numbers)}"


class Workloads:
    """Makes complete requests; what they name in S3 is there."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.sagemaker = aws.client("sagemaker")
        self._s3 = aws.client("s3")

    def training(self, script: str = TRAIN) -> dict[str, Any]:
        """A CreateTrainingJob request in script mode."""
        name = unique("training")
        code = self._put(f"code/{name}/sourcedir.tar.gz", archive(train=script))
        return {
            "TrainingJobName": name,
            "AlgorithmSpecification": {
                "TrainingImage": self.aws.image,
                "TrainingInputMode": "File",
                "MetricDefinitions": [
                    {"Name": "validation:accuracy", "Regex": r"validation:accuracy=([0-9.]+)"}
                ],
            },
            "RoleArn": self.aws.role_arn,
            "HyperParameters": {"sagemaker_program": "train.py", "sagemaker_submit_directory": code},
            "OutputDataConfig": {"S3OutputPath": f"s3://{self.aws.bucket}/jobs"},
            "ResourceConfig": {**INSTANCE, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        }

    def tuning(self) -> dict[str, Any]:
        """A CreateHyperParameterTuningJob request of two jobs in script mode."""
        training = self.training()
        name = training.pop("TrainingJobName")
        data = self._put(f"data/{name}/numbers.csv", b"1\n2\n")
        source = {"S3DataType": "S3Prefix", "S3Uri": data}
        return {
            "HyperParameterTuningJobName": unique("tuning"),
            "HyperParameterTuningJobConfig": {
                "Strategy": "Random",
                "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:accuracy"},
                "ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 2},
                "ParameterRanges": {
                    "ContinuousParameterRanges": [{"Name": "rate", "MinValue": "0.1", "MaxValue": "1"}]
                },
            },
            "TrainingJobDefinition": {
                **{name: value for name, value in training.items() if name != "HyperParameters"},
                "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
                "StaticHyperParameters": training["HyperParameters"],
            },
        }

    def processing(self, script: str = PROCESS) -> dict[str, Any]:
        """A CreateProcessingJob request that runs a line of Python."""
        return {
            "ProcessingJobName": unique("processing"),
            "AppSpecification": {
                "ImageUri": self.aws.image,
                "ContainerEntrypoint": ["python3", "-c", script],
            },
            "ProcessingResources": {"ClusterConfig": {**INSTANCE, "VolumeSizeInGB": 1}},
            "RoleArn": self.aws.role_arn,
        }

    def model(self) -> dict[str, Any]:
        """A CreateModel request for a model that doubles numbers."""
        name = unique("model")
        data = self._put(f"models/{name}/model.tar.gz", archive(code__inference=INFERENCE))
        return {
            "ModelName": name,
            "PrimaryContainer": {"Image": self.aws.image, "ModelDataUrl": data},
            "ExecutionRoleArn": self.aws.role_arn,
        }

    def endpoint_config(self, model: str) -> dict[str, Any]:
        """A CreateEndpointConfig request for one variant of the model."""
        variant = {"VariantName": "AllTraffic", "ModelName": model, "InstanceType": "ml.m5.large"}
        return {
            "EndpointConfigName": unique("config"),
            "ProductionVariants": [{**variant, "InitialInstanceCount": 1}],
        }

    def transform(self, model: str) -> dict[str, Any]:
        """A CreateTransformJob request over a file of three numbers."""
        name = unique("transform")
        source = self._put(f"transform/{name}/in/numbers.csv", b"1\n2\n4\n").rpartition("/")[0]
        return {
            "TransformJobName": name,
            "ModelName": model,
            "TransformInput": {
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": source}},
                "ContentType": "text/csv",
                "SplitType": "Line",
            },
            "TransformOutput": {
                "S3OutputPath": f"s3://{self.aws.bucket}/transform/{name}/out",
                "AssembleWith": "Line",
            },
            "TransformResources": {**INSTANCE},
        }

    def answers(self, transform: str) -> list[float]:
        """What the transform job of that name stored."""
        key = f"transform/{transform}/out/numbers.csv.out"
        body = self._s3.get_object(Bucket=self.aws.bucket, Key=key)["Body"].read()
        return [float(line) for line in body.split()]

    def endpoint(self) -> str:
        """The name of an endpoint that is being created; it ends with `delete_endpoint`."""
        model = self.model()
        self.sagemaker.create_model(**model)
        config = self.endpoint_config(model["ModelName"])
        self.sagemaker.create_endpoint_config(**config)
        name = unique("endpoint")
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config["EndpointConfigName"])
        return name

    def _put(self, key: str, body: bytes) -> str:
        self._s3.put_object(Bucket=self.aws.bucket, Key=key, Body=body)
        return f"s3://{self.aws.bucket}/{key}"
