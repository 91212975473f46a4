"""Asynchronous inference: payloads from S3, answers and failures to S3, notifications, a lasting queue."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_endpoints import ECHO, Endpoints
from aws_jobs import unique
from botocore.exceptions import ClientError
from local_aws import LocalAws, kill, wait_until

LARGE_BYTES = 20 * 1024 * 1024


@pytest.fixture(scope="module")
def endpoints(embedded_aws: LocalAws) -> Endpoints:
    return Endpoints(embedded_aws)


@pytest.fixture(scope="module")
def asynchronous(endpoints: Endpoints) -> str:
    return endpoints.in_service(endpoints.model(ECHO), AsyncInferenceConfig=config(endpoints))


def config(endpoints: Endpoints, **output: Any) -> dict[str, Any]:
    base = f"s3://{endpoints.aws.bucket}/async"
    return {
        "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 2},
        "OutputConfig": {"S3OutputPath": f"{base}/output", "S3FailurePath": f"{base}/failure/", **output},
    }


def ask(endpoints: Endpoints, name: str, body: bytes, **members: Any) -> dict[str, Any]:
    key = f"async/input/{unique('payload')}"
    endpoints.s3.put_object(Bucket=endpoints.aws.bucket, Key=key, Body=body)
    location = f"s3://{endpoints.aws.bucket}/{key}"
    return dict(
        endpoints.runtime.invoke_endpoint_async(
            EndpointName=name, InputLocation=location, **{"ContentType": "text/plain", **members}
        )
    )


def content(endpoints: Endpoints, location: str) -> bytes:
    """The object at an s3:// address once it is there."""
    bucket, _, key = location.removeprefix("s3://").partition("/")

    def look() -> bytes | None:
        try:
            return bytes(endpoints.s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        except ClientError:
            return None

    return wait_until(look)


def test_an_answer_and_a_failure(endpoints: Endpoints, asynchronous: str) -> None:
    asked = ask(endpoints, asynchronous, b"hello", InferenceId="one")
    assert asked["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert asked["InferenceId"] == "one"
    assert asked["OutputLocation"].startswith(f"s3://{endpoints.aws.bucket}/async/output/")
    assert json.loads(content(endpoints, asked["OutputLocation"]))["data"] == "hello"

    asked = ask(endpoints, asynchronous, b"crash")
    text = content(endpoints, asked["FailureLocation"]).decode()
    assert 'Received server error (500) from primary with message "RuntimeError: out of luck"' in text
    missing = endpoints.runtime.invoke_endpoint_async(
        EndpointName=asynchronous, InputLocation=f"s3://{endpoints.aws.bucket}/async/input/none"
    )
    assert b"Not Found" in content(endpoints, missing["FailureLocation"])


def test_payloads_larger_than_a_request_may_be(endpoints: Endpoints, asynchronous: str) -> None:
    asked = ask(endpoints, asynchronous, b"x" * LARGE_BYTES)
    assert len(json.loads(content(endpoints, asked["OutputLocation"]))["data"]) == LARGE_BYTES


def test_payload_in_the_request_and_where_the_answer_goes(endpoints: Endpoints, asynchronous: str) -> None:
    asked = endpoints.runtime.invoke_endpoint_async(
        EndpointName=asynchronous, Body=b"inline", Filename="answer.json", S3OutputPathExtension="there"
    )
    assert asked["OutputLocation"] == f"s3://{endpoints.aws.bucket}/async/output/there/answer.json"
    assert json.loads(content(endpoints, asked["OutputLocation"]))["data"] == "inline"


def test_a_model_that_takes_too_long(endpoints: Endpoints, asynchronous: str) -> None:
    late = ask(endpoints, asynchronous, b"hang", InvocationTimeoutSeconds=1)
    after = ask(endpoints, asynchronous, b"after")
    assert b"timed out while waiting for a response" in content(endpoints, late["FailureLocation"])
    assert json.loads(content(endpoints, after["OutputLocation"]))["data"] == "after"


def test_each_endpoint_has_its_own_way_of_being_asked(endpoints: Endpoints, asynchronous: str) -> None:
    with pytest.raises(ClientError, match="does not support this inference type"):
        endpoints.invoke(asynchronous)
    name = endpoints.in_service(endpoints.model(ECHO))
    with pytest.raises(ClientError, match="does not support this inference type"):
        ask(endpoints, name, b"x")
    endpoints.delete(name)
    model = endpoints.model(ECHO)
    with pytest.raises(ClientError, match="single production variant"):
        endpoints.config(model, model, AsyncInferenceConfig=config(endpoints))
    assert endpoints.describe(asynchronous)["AsyncInferenceConfig"] == config(endpoints)


def test_notifications(endpoints: Endpoints) -> None:
    sns, sqs = endpoints.aws.client("sns"), endpoints.aws.client("sqs")
    topic = sns.create_topic(Name=unique("topic"))["TopicArn"]
    queue = sqs.create_queue(QueueName=unique("queue"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    notify = {"SuccessTopic": topic, "ErrorTopic": topic}
    name = endpoints.in_service(
        endpoints.model(ECHO), AsyncInferenceConfig=config(endpoints, NotificationConfig=notify)
    )
    good = ask(endpoints, name, b"x", InferenceId="good")
    ask(endpoints, name, b"crash", InferenceId="bad")
    told: dict[str, Any] = {}

    def look() -> bool:
        for entry in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
            message = json.loads(json.loads(entry["Body"])["Message"])
            told[message["inferenceId"]] = message
        return len(told) == 2

    wait_until(look)
    assert told["good"]["invocationStatus"] == "Completed"
    assert told["good"]["responseParameters"]["outputLocation"] == good["OutputLocation"]
    assert told["good"]["requestParameters"]["endpointName"] == name
    assert told["bad"]["invocationStatus"] == "Failed"
    assert "out of luck" in told["bad"]["failureReason"]
    endpoints.delete(name)


def test_the_queue_survives_a_kill(fresh_aws: LocalAws) -> None:
    endpoints = Endpoints(fresh_aws)
    slow = ECHO.replace(
        'if data == "hang":', 'if data == "slow":\n        time.sleep(1)\n    if data == "hang":'
    )
    name = endpoints.in_service(endpoints.model(slow), AsyncInferenceConfig=config(endpoints))
    asked = [ask(endpoints, name, b"slow")["OutputLocation"] for _ in range(4)]
    kill(fresh_aws.processes("edge"))
    for location in asked:
        assert json.loads(content(endpoints, location))["data"] == "slow"
