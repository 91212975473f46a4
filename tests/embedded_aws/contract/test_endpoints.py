"""Endpoints really serve, move to new models without a lost request, and stay when a new one is bad."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from aws_endpoints import BROKEN, ECHO, Endpoints
from aws_jobs import unique, waiting_for
from botocore.exceptions import ClientError
from local_aws import wait_until

PROCESSES_OF_AN_INSTANCE = 3  # two of its first process, and the server


@pytest.fixture(scope="module")
def endpoints(embedded_aws: Any) -> Endpoints:
    return Endpoints(embedded_aws)


def test_life_of_an_endpoint(endpoints: Endpoints, embedded_aws: Any, tmp_path: Path) -> None:
    may_start, may_follow = tmp_path / "may-start", tmp_path / "may-follow"
    config = endpoints.config(endpoints.model(waiting_for(may_start) + ECHO, "first"))
    name = endpoints.create(config)
    assert endpoints.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Creating"
    with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
        endpoints.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config)
    may_start.touch()
    endpoint = endpoints.settled(name)
    assert endpoint["EndpointStatus"] == "InService", embedded_aws.command("logs", name).stdout
    variant = endpoint["ProductionVariants"][0]
    assert (variant["VariantName"], variant["CurrentInstanceCount"], variant["CurrentWeight"]) == (
        "variant-0",
        1,
        1.0,
    )

    answer = endpoints.runtime.invoke_endpoint(EndpointName=name, Body=b"hello", ContentType="text/plain")
    assert answer["InvokedProductionVariant"] == "variant-0"
    assert answer["ContentType"] == "application/json"
    assert json.loads(answer["Body"].read())["data"] == "hello"

    updated = endpoints.config(endpoints.model(waiting_for(may_follow) + ECHO, "second"))
    endpoints.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=updated)
    assert endpoints.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Updating"
    assert endpoints.invoke(name)["model"] == "first"
    may_follow.touch()
    assert endpoints.settled(name)["EndpointConfigName"] == updated
    assert endpoints.invoke(name)["model"] == "second"

    listed = endpoints.sagemaker.list_endpoints(NameContains=name)["Endpoints"]
    assert [entry["EndpointStatus"] for entry in listed] == ["InService"]
    endpoints.delete(name)
    with pytest.raises(ClientError, match=f"Endpoint {name} of account 123456789012 not found"):
        endpoints.invoke(name)
    arn = endpoint["EndpointArn"]
    wait_until(lambda: not embedded_aws.processes("container", arn))


def test_model_errors(endpoints: Endpoints) -> None:
    name = endpoints.create(endpoints.config(endpoints.model(ECHO)))
    endpoints.settled(name)

    with pytest.raises(endpoints.runtime.exceptions.ModelError) as crash:
        endpoints.invoke(name, "crash")
    response = crash.value.response
    assert response["OriginalStatusCode"] == 500
    assert response["OriginalMessage"] == "RuntimeError: out of luck"
    assert "Received server error (500) from primary" in response["Error"]["Message"]
    assert f"/aws/sagemaker/Endpoints/{name}" in response["LogStreamArn"]

    with pytest.raises(endpoints.runtime.exceptions.ModelError) as refusal:
        endpoints.invoke(name, ContentType="text/bad")
    assert refusal.value.response["OriginalStatusCode"] == 400
    assert "Received client error (400)" in refusal.value.response["Error"]["Message"]

    with pytest.raises(ClientError, match="less than or equal to 6291456"):
        endpoints.invoke(name, "x" * (6 * 1024 * 1024 + 1))
    with pytest.raises(ClientError, match="Could not find variant other"):
        endpoints.invoke(name, TargetVariant="other")
    assert endpoints.invoke(name)["data"] == "x"
    endpoints.delete(name)


def test_an_instance_that_hangs_or_dies_is_replaced(endpoints: Endpoints) -> None:
    name = endpoints.create(endpoints.config(endpoints.model(ECHO)))
    endpoints.settled(name)
    first = endpoints.invoke(name)["data"]
    with pytest.raises(endpoints.runtime.exceptions.ModelError) as late:
        endpoints.invoke(name, "hang")
    assert late.value.response["OriginalStatusCode"] == 0
    assert "timed out while waiting for a response" in late.value.response["Error"]["Message"]
    assert endpoints.invoke(name)["data"] == first
    with pytest.raises(endpoints.runtime.exceptions.ModelError):
        endpoints.invoke(name, "exit")

    def answer() -> Any:
        """Return an answer, None where the process is still ending."""
        try:
            return endpoints.invoke(name)["data"]
        except endpoints.runtime.exceptions.ModelError as ended:
            if ended.response["OriginalStatusCode"]:  # 0: no server was there to answer
                raise
            return None

    assert wait_until(answer) == first
    assert endpoints.settled(name)["EndpointStatus"] == "InService"
    endpoints.delete(name)


def test_a_bad_model_never_gets_traffic(endpoints: Endpoints) -> None:
    good, bad = endpoints.config(endpoints.model(ECHO, "good")), endpoints.config(endpoints.model(BROKEN))
    failed = endpoints.create(bad)
    name = endpoints.create(good)
    endpoint = endpoints.settled(failed)
    assert endpoint["EndpointStatus"] == "Failed"
    assert "did not pass the ping health check" in endpoint["FailureReason"]
    endpoints.delete(failed)

    endpoints.settled(name)
    endpoints.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=bad)
    endpoint = endpoints.settled(name)
    assert endpoint["EndpointStatus"] == "InService"
    assert endpoint["EndpointConfigName"] == good
    assert "did not pass the ping health check" in endpoint["FailureReason"]
    assert endpoints.invoke(name)["model"] == "good"

    endpoints.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=good)
    endpoint = endpoints.settled(name)
    assert endpoint["EndpointStatus"] == "InService"
    assert "FailureReason" not in endpoint
    endpoints.delete(name)


def test_update_under_load_loses_no_request(endpoints: Endpoints) -> None:
    name = endpoints.create(endpoints.config(endpoints.model(ECHO, "old")))
    endpoints.settled(name)
    answers: list[str] = []
    errors: list[Exception] = []
    is_over = threading.Event()

    def load() -> None:
        runtime = endpoints.aws.client("sagemaker-runtime")
        while not is_over.is_set():
            try:
                body = runtime.invoke_endpoint(EndpointName=name, Body=b"x", ContentType="text/plain")[
                    "Body"
                ].read()
                answers.append(json.loads(body)["model"])
            except ClientError as error:
                errors.append(error)

    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    wait_until(lambda: "old" in answers)
    endpoints.sagemaker.update_endpoint(
        EndpointName=name, EndpointConfigName=endpoints.config(endpoints.model(ECHO, "new"))
    )
    endpoints.settled(name)
    wait_until(lambda: answers[-1] == "new")
    arn = endpoints.settled(name)["EndpointArn"]
    wait_until(lambda: len(endpoints.aws.processes("container", arn)) <= PROCESSES_OF_AN_INSTANCE)
    is_over.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert {"old", "new"} == set(answers)
    endpoints.delete(name)


def test_several_variants_and_instances(endpoints: Endpoints) -> None:
    config = endpoints.config(
        endpoints.model(ECHO, "a"), endpoints.model(ECHO, "b"), instances=2, weights=(1.0, 0.0)
    )
    name = endpoints.create(config)
    endpoints.settled(name)
    answers = [endpoints.invoke(name) for _ in range(6)]
    assert {answer["model"] for answer in answers} == {"a"}
    assert endpoints.invoke(name, TargetVariant="variant-1")["model"] == "b"
    endpoints.delete(name)


def test_missing_resources(endpoints: Endpoints) -> None:
    account = "arn:aws:sagemaker:us-east-1:123456789012"
    expected = {
        "describe_endpoint": ({"EndpointName": "no"}, f'Could not find endpoint "{account}:endpoint/no".'),
        "delete_endpoint": ({"EndpointName": "no"}, f'Could not find endpoint "{account}:endpoint/no".'),
        "create_endpoint": (
            {"EndpointName": "no", "EndpointConfigName": "no"},
            f'Could not find endpoint configuration "{account}:endpoint-config/no".',
        ),
        "describe_endpoint_config": (
            {"EndpointConfigName": "no"},
            f'Could not find endpoint configuration "{account}:endpoint-config/no".',
        ),
        "describe_model": ({"ModelName": "no"}, f'Could not find model "{account}:model/no".'),
        "delete_model": ({"ModelName": "no"}, f'Could not find model "{account}:model/no".'),
    }
    for call, (members, message) in expected.items():
        with pytest.raises(ClientError) as refused:
            getattr(endpoints.sagemaker, call)(**members)
        assert refused.value.response["Error"]["Code"] == "ValidationException"
        assert refused.value.response["Error"]["Message"] == message


def test_a_model_of_objects_below_a_prefix(endpoints: Endpoints) -> None:
    name, bucket = unique("model"), endpoints.aws.bucket
    key = f"models/{name}/code/inference.py"
    endpoints.s3.put_object(Bucket=bucket, Key=key, Body=ECHO.encode())
    source = {"S3Uri": f"s3://{bucket}/models/{name}/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    endpoints.sagemaker.create_model(
        ModelName=name,
        PrimaryContainer={"Image": endpoints.aws.image, "ModelDataSource": {"S3DataSource": source}},
        ExecutionRoleArn=endpoints.aws.role_arn,
    )
    endpoint = endpoints.create(endpoints.config(name))
    assert endpoints.settled(endpoint)["EndpointStatus"] == "InService"
    assert endpoints.invoke(endpoint, "hello")["data"] == "hello"
    endpoints.delete(endpoint)


def test_names_are_taken_once(endpoints: Endpoints) -> None:
    model = endpoints.model(ECHO)
    with pytest.raises(ClientError, match="Cannot create already existing model"):
        endpoints.sagemaker.create_model(
            ModelName=model,
            PrimaryContainer={"Image": endpoints.aws.image},
            ExecutionRoleArn=endpoints.aws.role_arn,
        )
    listed = endpoints.sagemaker.list_models(NameContains=model)["Models"]
    assert [entry["ModelName"] for entry in listed] == [model]
    endpoints.sagemaker.delete_model(ModelName=model)
    assert endpoints.sagemaker.list_models(NameContains=model)["Models"] == []


def test_what_is_not_served_is_refused(endpoints: Endpoints, tmp_path: Path) -> None:
    model = endpoints.model(ECHO)
    variant = {
        "VariantName": "v",
        "ModelName": model,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    serverless = {"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}
    refused: list[tuple[dict[str, Any], str]] = [
        ({"ShadowProductionVariants": [{**variant, "VariantName": "s"}]}, "shadow variants are not served"),
        (
            {"ProductionVariants": [{"VariantName": "v", "ModelName": model, **serverless}]},
            "serverless variants",
        ),
        ({"ProductionVariants": [variant, variant]}, "Duplicate variant names"),
        (
            {
                "DataCaptureConfig": {
                    "InitialSamplingPercentage": 100,
                    "DestinationS3Uri": "https://bucket/x",
                    "CaptureOptions": [{"CaptureMode": "Input"}],
                }
            },
            "DestinationS3Uri https://bucket/x: only s3://",
        ),
        (
            {"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "https://bucket/x"}}},
            "S3OutputPath https://bucket/x: only s3://",
        ),
    ]
    for members, message in refused:
        request = {"EndpointConfigName": "refused", "ProductionVariants": [variant], **members}
        with pytest.raises(ClientError, match=message) as error:
            endpoints.sagemaker.create_endpoint_config(**request)
        assert error.value.response["Error"]["Code"] == "ValidationException"
    may_start = tmp_path / "may-start"
    name = endpoints.create(endpoints.config(endpoints.model(waiting_for(may_start) + ECHO)))
    with pytest.raises(ClientError, match="not found"):  # it is not in service yet
        endpoints.invoke(name)
    may_start.touch()
    endpoints.settled(name)
    with pytest.raises(ClientError, match="multi-model endpoints are not served"):
        endpoints.invoke(name, TargetModel="m.tar.gz")
    with pytest.raises(ClientError, match="inference components are not served"):
        endpoints.invoke(name, InferenceComponentName="c")
    endpoints.delete(name)
