"""Processing jobs really run, and tell of it as SageMaker does."""

from __future__ import annotations

from typing import Any

import pytest
from aws_jobs import s3_input
from botocore.exceptions import ClientError

GROUP = "/aws/sagemaker/ProcessingJobs"
COPY = """
import json, pathlib, sys
inputs, output = pathlib.Path("/opt/ml/processing/input"), pathlib.Path("/opt/ml/processing/output")
job = json.load(open("/opt/ml/config/processingjobconfig.json"))
print("job", job["ProcessingJobName"], sys.argv[1:])
for path in sorted(inputs.rglob("*.txt")):
    (output / path.name).write_text(path.read_text().upper())
"""


def test_completes(jobs: Any, embedded_aws: Any) -> None:
    bucket = embedded_aws.bucket
    for name in ("a", "b"):
        jobs.s3.put_object(Bucket=bucket, Key=f"texts/deep/{name}.txt", Body=name.encode())
    s3_output = {
        "S3Uri": f"s3://{bucket}/upper",
        "LocalPath": "/opt/ml/processing/output",
        "S3UploadMode": "EndOfJob",
    }
    name = jobs.process(
        COPY,
        "one",
        "two",
        ProcessingInputs=[
            {"InputName": "texts", "S3Input": s3_input(f"s3://{bucket}/texts", "/opt/ml/processing/input")}
        ],
        ProcessingOutputConfig={"Outputs": [{"OutputName": "upper", "S3Output": s3_output}]},
        Environment={"MODE": "test"},
    )
    job = jobs.ended_processing(name)

    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert job["ProcessingStartTime"] <= job["ProcessingEndTime"]
    assert jobs.s3.get_object(Bucket=bucket, Key="upper/a.txt")["Body"].read() == b"A"
    assert jobs.s3.get_object(Bucket=bucket, Key="upper/b.txt")["Body"].read() == b"B"
    assert f"job {name} ['one', 'two']" in jobs.logged(name, "job ", GROUP)
    listed = jobs.sagemaker.list_processing_jobs(NameContains=name)["ProcessingJobSummaries"]
    assert [entry["ProcessingJobStatus"] for entry in listed] == ["Completed"]


def test_failure_carries_the_container_message(jobs: Any) -> None:
    script = "import sys; open('/opt/ml/output/message', 'w').write('bad archive'); sys.exit(3)"
    job = jobs.ended_processing(jobs.process(script))

    assert job["ProcessingJobStatus"] == "Failed"
    assert job["ExitMessage"] == "bad archive"
    assert job["FailureReason"] == "AlgorithmError: bad archive, exit code: 3"


def test_stop(jobs: Any) -> None:
    name = jobs.process("import time; print('sleeping', flush=True); time.sleep(120)")
    jobs.logged(name, "sleeping", GROUP)
    jobs.sagemaker.stop_processing_job(ProcessingJobName=name)

    assert jobs.ended_processing(name)["ProcessingJobStatus"] == "Stopped"


def test_uses_the_local_services(jobs: Any, embedded_aws: Any) -> None:
    script = f"""
import boto3
boto3.client("s3").put_object(Bucket="{embedded_aws.bucket}", Key="from-inside", Body=b"x")
print("account", boto3.client("sts").get_caller_identity()["Account"])
"""
    name = jobs.process(script)
    job = jobs.ended_processing(name)
    assert job["ProcessingJobStatus"] == "Completed", jobs.log(name, GROUP)
    assert "account 123456789012" in jobs.logged(name, "account", GROUP)
    jobs.s3.head_object(Bucket=embedded_aws.bucket, Key="from-inside")


def test_local_path_must_lie_below_processing(jobs: Any, embedded_aws: Any) -> None:
    texts = s3_input(f"s3://{embedded_aws.bucket}/texts", "/etc")
    with pytest.raises(ClientError, match="/opt/ml/processing"):
        jobs.process("", ProcessingInputs=[{"InputName": "texts", "S3Input": texts}])


def test_missing_job(jobs: Any) -> None:
    for call in (jobs.sagemaker.describe_processing_job, jobs.sagemaker.stop_processing_job):
        with pytest.raises(ClientError, match="Could not find requested job with name: absent"):
            call(ProcessingJobName="absent")
