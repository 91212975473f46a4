"""Batch transform really sends every record to the model, and tells of it as SageMaker does."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from aws_jobs import unique
from aws_transforms import Transforms
from botocore.exceptions import ClientError
from local_aws import LocalAws, wait_until

GROUP = "/aws/sagemaker/TransformJobs"


@pytest.fixture(scope="module")
def transforms(embedded_aws: LocalAws) -> Transforms:
    return Transforms(embedded_aws)


@pytest.fixture(scope="module")
def upper(transforms: Transforms) -> str:
    return transforms.model()


def test_completes(transforms: Transforms, jobs: Any, embedded_aws: LocalAws) -> None:
    model = transforms.model()
    name = transforms.create(
        model,
        {"a.csv": "a,1\nb,2\n", "deep/er/b.csv": "c,3"},
        BatchStrategy="SingleRecord",
        Tags=[{"Key": "a", "Value": "1"}],
    )
    transforms.sagemaker.delete_model(ModelName=model)
    job = transforms.ended(name)
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    assert transforms.outputs(name) == {"a.csv.out": b"A,1\nB,2\n", "deep/er/b.csv.out": b"C,3\n"}
    assert job["CreationTime"] <= job["TransformStartTime"] <= job["TransformEndTime"]
    assert job["DataProcessing"] == {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"}
    assert job["TransformInput"]["CompressionType"] == "None"
    tags = transforms.sagemaker.list_tags(ResourceArn=job["TransformJobArn"])["Tags"]
    assert tags == [{"Key": "a", "Value": "1"}]

    listed = transforms.sagemaker.list_transform_jobs(NameContains=name)["TransformJobSummaries"]
    assert [entry["TransformJobStatus"] for entry in listed] == ["Completed"]
    lines = jobs.logged(name, "asked for text/csv as text/csv with 3 bytes", GROUP)
    parameters = "[sagemaker logs]: MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=SINGLE_RECORD"
    assert any(line.endswith(parameters) for line in lines)
    assert "asked for text/csv" in embedded_aws.command("logs", name).stdout
    shown = embedded_aws.command("jobs").stdout.splitlines()
    assert any(line.split()[:3] == [name, "TransformJob", "Completed"] for line in shown)


def test_many_records_go_into_one_request(transforms: Transforms, upper: str, jobs: Any) -> None:
    half = "a" * 600_000
    name = transforms.create(
        upper, {"a": f"{half}\n{half}\nb\nc\n"}, BatchStrategy="MultiRecord", MaxPayloadInMB=1
    )
    assert transforms.ended(name)["TransformJobStatus"] == "Completed"
    assert transforms.outputs(name)["a.out"] == f"{half.upper()}\n{half.upper()}\nB\nC\n".encode()
    sizes = [line.split()[-2] for line in jobs.logged(name, "600004 bytes", GROUP) if "asked" in line]
    assert sizes == ["600000", "600004"]


def test_whole_objects(transforms: Transforms, upper: str) -> None:
    outputs = transforms.run(
        upper,
        {f"{number}": f"line {number}\nend\n" for number in range(5)},
        TransformInput={"SplitType": "None"},
        TransformOutput={"AssembleWith": "None"},
        MaxConcurrentTransforms=3,
    )
    assert outputs == {f"{number}.out": f"LINE {number}\nEND\n".encode() for number in range(5)}


def test_gzip_and_manifest(transforms: Transforms, upper: str) -> None:
    prefix, bucket = unique("manifest"), transforms.aws.bucket
    for key in ("x/a", "b", "c"):
        transforms.s3.put_object(Bucket=bucket, Key=f"{prefix}/{key}", Body=gzip.compress(key.encode()))
    manifest = json.dumps([{"prefix": f"s3://{bucket}/{prefix}/"}, "x/a", "b"])
    transforms.s3.put_object(Bucket=bucket, Key=f"{prefix}.json", Body=manifest.encode())
    outputs = transforms.run(
        upper,
        {},
        S3DataSource={"S3DataType": "ManifestFile", "S3Uri": f"s3://{bucket}/{prefix}.json"},
        TransformInput={"CompressionType": "Gzip"},
    )
    assert outputs == {"x/a.out": b"X/A\n", "b.out": b"B\n"}


def test_instances_share_the_objects(transforms: Transforms, upper: str) -> None:
    outputs = transforms.run(
        upper, {str(number): "who" for number in range(4)}, InstanceCount=2, MaxConcurrentTransforms=2
    )
    assert outputs["0.out"] == outputs["2.out"] != outputs["1.out"] == outputs["3.out"]


def test_instances_without_an_object_do_not_start(transforms: Transforms, upper: str, jobs: Any) -> None:
    name = transforms.create(upper, {"a": "x"}, InstanceCount=3)
    assert transforms.ended(name)["TransformJobStatus"] == "Completed"
    assert sum("MaxConcurrentTransforms" in line for line in jobs.logged(name, "MaxCon", GROUP)) == 1
    assert sum(line.startswith("asked") for line in jobs.log(name, GROUP)) == 1


def test_environment(transforms: Transforms) -> None:
    outputs = transforms.run(
        transforms.model(SAGEMAKER_OWN="model", SAGEMAKER_OTHER="model"),
        {"a": "environment"},
        Environment={"SAGEMAKER_OWN": "request"},
        BatchStrategy="SingleRecord",
        MaxPayloadInMB=2,
        MaxConcurrentTransforms=4,
    )
    assert {
        "SAGEMAKER_BATCH=true",
        "SAGEMAKER_BATCH_STRATEGY=SINGLE_RECORD",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB=2",
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS=4",
        "SAGEMAKER_OWN=request",
        "SAGEMAKER_OTHER=model",
    } <= set(outputs["a.out"].decode().splitlines())


def test_a_bad_record_fails_the_job_but_not_the_other_objects(
    transforms: Transforms, upper: str, jobs: Any
) -> None:
    name = transforms.create(upper, {"1": "good\nbad\n", "2": "good", "3": "x" * 1_100_000}, MaxPayloadInMB=1)
    job = transforms.ended(name)
    key = f"{transforms.aws.bucket}/{name}/in"
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"] == (
        f"ClientError: See job logs for more information. {key}/1: 400: not this record"
    )
    assert transforms.outputs(name) == {"2.out": b"GOOD\n"}
    lines = jobs.logged(name, "Too much data", GROUP)
    assert any(line.endswith(f"{key}/1: ClientError: 400: not this record") for line in lines)
    assert any(f"{key}/3: ClientError: Too much data for max payload size" in line for line in lines)


def test_a_failing_model_is_asked_again(transforms: Transforms, upper: str, jobs: Any) -> None:
    name = transforms.create(upper, {"a": "crash"}, ModelClientConfig={"InvocationsMaxRetries": 1})
    job = transforms.ended(name)
    assert job["FailureReason"].startswith("AlgorithmError: See job logs for more information. ")
    assert job["FailureReason"].endswith("500: RuntimeError: out of luck")
    asked = [line for line in jobs.logged(name, "AlgorithmError", GROUP) if line.startswith("asked")]
    assert len(asked) == 2


def test_time_outs_and_ends_of_the_server(transforms: Transforms, upper: str) -> None:
    config = {"InvocationsTimeoutInSeconds": 1, "InvocationsMaxRetries": 0}
    late = transforms.create(upper, {"a": "hang"}, ModelClientConfig=config)
    gone = transforms.create(upper, {"a": "exit"})
    broken = transforms.create(transforms.model("def model_fn(d):\n    raise ValueError"), {"a": "x"})
    assert "Read timed out" in transforms.ended(late)["FailureReason"]
    assert "exit code: 9" in transforms.ended(gone)["FailureReason"]
    assert "failed to respond to ping" in transforms.ended(broken)["FailureReason"]


def test_missing_input(transforms: Transforms, upper: str) -> None:
    job = transforms.ended(transforms.create(upper, {}))
    assert job["TransformJobStatus"] == "Failed"
    assert "No S3 objects found" in job["FailureReason"]


def test_stop(transforms: Transforms, upper: str, jobs: Any) -> None:
    name = transforms.create(upper, {"1": "good", "2": "hang"})
    jobs.logged(name, "with 4 bytes", GROUP)
    wait_until(lambda: transforms.outputs(name))
    transforms.sagemaker.stop_transform_job(TransformJobName=name)
    job = transforms.ended(name)
    assert job["TransformJobStatus"] == "Stopped"
    assert transforms.outputs(name) == {"1.out": b"GOOD\n"}
    wait_until(lambda: not transforms.aws.processes("container", job["TransformJobArn"]))
    with pytest.raises(ClientError, match="in status Stopped"):
        transforms.sagemaker.stop_transform_job(TransformJobName=name)


def test_an_agent_that_is_killed_leaves_nothing(transforms: Transforms, upper: str, jobs: Any) -> None:
    name = transforms.create(upper, {"1": "hang"})
    jobs.logged(name, "with 4 bytes", GROUP)
    arn = transforms.sagemaker.describe_transform_job(TransformJobName=name)["TransformJobArn"]
    containers = transforms.aws.processes("container", arn)
    inside = {process.pid for process in containers}
    for agent in {parent for process in containers if (parent := process.parent()).pid not in inside}:
        agent.kill()
    job = transforms.ended(name)
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("InternalServerError: ")
    assert transforms.outputs(name) == {}
    wait_until(lambda: not transforms.aws.processes("container", arn))


def test_what_is_refused(transforms: Transforms, upper: str) -> None:
    for changes, words in (
        ({"MaxPayloadInMB": 101}, "MaxPayloadInMB"),
        ({"MaxPayloadInMB": 20, "MaxConcurrentTransforms": 6}, "product of MaxConcurrentTransforms"),
        ({"DataProcessing": {"InputFilter": "$["}}, "InputFilter"),
        ({"S3DataSource": {"S3DataType": "AugmentedManifestFile"}}, "AugmentedManifestFile"),
    ):
        with pytest.raises(ClientError, match=words) as refused:
            transforms.create(upper, {}, **changes)
        assert refused.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(ClientError, match=r'Could not find model "arn:.*:model/absent"'):
        transforms.create("absent", {})
    with pytest.raises(ClientError, match="Could not find requested job with name: absent"):
        transforms.sagemaker.describe_transform_job(TransformJobName="absent")
