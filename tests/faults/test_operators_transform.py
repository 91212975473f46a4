"""Our transform operator on an embedded AWS that executes: its model, adoption, and what a kill leaves."""

from __future__ import annotations

import json
import struct
import time
from typing import Any

import airflow_task
import pytest
from local_aws import LocalAws, archive, wait_until

from histoflow.operators.sagemaker import SageMakerModelDeleteOperator, SageMakerTransformOperator
from idc.errors import JobFailed
from idc.jobs.spec import JobKind, JobSpec, digest_of, named_by_digest

pytestmark = pytest.mark.slow

SERVE = """
import json, threading

def model_fn(directory):
    return {seconds}

def transform_fn(model, body, content_type, accept):
    threading.Event().wait(model)
    if body == b"damaged":
        raise ValueError("image: cannot be read")
    return json.dumps({{"prediction": [1 - len(body) / 100, len(body) / 100], "type": content_type}}), accept
"""


@pytest.fixture(autouse=True)
def at_the_embedded_aws(embedded_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in embedded_aws.env.items():
        monkeypatch.setenv(name, value)


def framed(payload: bytes) -> bytes:
    return struct.pack("<II", 0xCED7230A, len(payload)) + payload + b"\0" * (-len(payload) % 4)


def scoring(aws: LocalAws, *payloads: bytes, seconds: float = 0) -> dict[str, Any]:
    """Return the specification of a job that scores the payloads, and of the model it needs."""
    prefix = f"score-{time.time_ns() // 1000 % 10**9}"
    s3 = aws.client("s3")
    serve = archive(code__serve=SERVE.format(seconds=seconds))
    s3.put_object(Bucket=aws.bucket, Key=f"{prefix}/model.tar.gz", Body=serve)
    for split in ("test", "validation"):
        body = b"".join(map(framed, payloads))
        s3.put_object(Bucket=aws.bucket, Key=f"{prefix}/payload/{split}/part-00000.rec", Body=body)
    container = {
        "Image": aws.image,
        "ModelDataUrl": f"s3://{aws.bucket}/{prefix}/model.tar.gz",
        "Environment": {"SAGEMAKER_PROGRAM": "serve.py"},
    }
    model = {"ExecutionRoleArn": aws.role_arn, "PrimaryContainer": container}
    name = named_by_digest(prefix, digest_of(model))
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{aws.bucket}/{prefix}/payload/"}
    request = {
        "ModelName": name,
        "BatchStrategy": "SingleRecord",
        "MaxConcurrentTransforms": 2,
        "TransformInput": {
            "DataSource": {"S3DataSource": source},
            "ContentType": "application/x-image",
            "SplitType": "RecordIO",
        },
        "TransformOutput": {
            "S3OutputPath": f"s3://{aws.bucket}/jobs/{{job-name}}/transform/",
            "Accept": "application/jsonlines",
            "AssembleWith": "Line",
        },
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
    spec = JobSpec(JobKind.TRANSFORM, prefix, request).to_dict()
    return {**spec, "model": {"ModelName": name, **model}}


def task(spec: dict[str, Any]) -> SageMakerTransformOperator:
    return SageMakerTransformOperator(task_id="score", spec=spec)


def jobs_of(aws: LocalAws, spec: dict[str, Any]) -> dict[str, str]:
    answer = aws.client("sagemaker").list_transform_jobs(NameContains=spec["prefix"])
    return {job["TransformJobName"]: job["TransformJobStatus"] for job in answer["TransformJobSummaries"]}


def name_of(spec: dict[str, Any], attempt: int = 1) -> str:
    return JobSpec.from_dict(JobKind.TRANSFORM, spec).name(attempt)


def test_each_record_is_answered_in_its_place_below_the_jobs_own_name(embedded_aws: LocalAws) -> None:
    spec = scoring(embedded_aws, b"a", b"four", b"sixteen bytes ok")

    result = airflow_task.run(task(spec))

    assert result["job"] == name_of(spec)
    key = f"jobs/{name_of(spec)}/transform/test/part-00000.rec.out"
    body = embedded_aws.client("s3").get_object(Bucket=embedded_aws.bucket, Key=key)["Body"].read()
    answers = [json.loads(line) for line in body.splitlines()]
    assert [answer["prediction"][1] for answer in answers] == [0.01, 0.04, 0.16]
    assert {answer["type"] for answer in answers} == {"application/x-image"}


def test_a_completed_job_is_adopted_and_its_model_is_not_made_again(embedded_aws: LocalAws) -> None:
    spec = scoring(embedded_aws, b"a")
    first = airflow_task.run(task(spec))
    made = embedded_aws.client("sagemaker").describe_model(ModelName=spec["model"]["ModelName"])

    assert airflow_task.run(task(spec)) == first
    assert jobs_of(embedded_aws, spec) == {name_of(spec): "Completed"}
    again = embedded_aws.client("sagemaker").describe_model(ModelName=spec["model"]["ModelName"])
    assert again["CreationTime"] == made["CreationTime"]


def test_the_models_made_for_scoring_are_deleted_once_and_a_retry_finds_nothing_to_do(
    embedded_aws: LocalAws,
) -> None:
    spec, other = scoring(embedded_aws, b"a"), scoring(embedded_aws, b"b")
    for one in (spec, other):
        airflow_task.run(task(one))
    client, name = embedded_aws.client("sagemaker"), spec["model"]["ModelName"]

    for _ in range(2):
        assert airflow_task.run(SageMakerModelDeleteOperator(task_id="delete", specs=[spec])) == [name]

    assert client.list_models(NameContains=name)["Models"] == []
    assert client.describe_model(ModelName=other["model"]["ModelName"])
    assert jobs_of(embedded_aws, spec) == {name_of(spec): "Completed"}


def test_a_model_that_another_task_makes_at_the_same_moment_will_do(embedded_aws: LocalAws) -> None:
    spec = scoring(embedded_aws, b"a")
    operator = task(spec)
    other = embedded_aws.client("sagemaker")

    def overtake(**_: Any) -> None:
        if not other.list_models(NameContains=spec["model"]["ModelName"])["Models"]:
            other.create_model(**spec["model"])

    operator.hook.api.meta.events.register("before-call.sagemaker.CreateModel", overtake)

    assert airflow_task.run(operator)["job"] == name_of(spec)


def test_killing_the_task_stops_the_job_and_the_next_try_is_a_new_attempt(embedded_aws: LocalAws) -> None:
    spec = scoring(embedded_aws, *[b"a"] * 200, seconds=1)
    first = task(spec)
    airflow_task.deferral(first)
    first.on_kill()
    wait_until(lambda: jobs_of(embedded_aws, spec) == {name_of(spec): "Stopped"})

    second = task(spec)
    airflow_task.deferral(second)

    assert second._job == name_of(spec, 2)
    second.on_kill()
    wait_until(lambda: set(jobs_of(embedded_aws, spec).values()) == {"Stopped"})


def test_a_patch_the_model_refuses_fails_the_job(embedded_aws: LocalAws) -> None:
    spec = scoring(embedded_aws, b"a", b"damaged")

    with pytest.raises(JobFailed, match="Failed"):
        airflow_task.run(task(spec))
