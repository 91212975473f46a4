"""What goes into an endpoint and comes out of it is stored in S3 as the service stores it."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
from aws_endpoints import ECHO, Endpoints
from aws_jobs import unique
from local_aws import LocalAws, wait_until


@pytest.fixture(scope="module")
def endpoints(embedded_aws: LocalAws) -> Endpoints:
    return Endpoints(embedded_aws)


def capture(
    endpoints: Endpoints, prefix: str, *modes: str, percentage: int = 100, **members: Any
) -> dict[str, Any]:
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": percentage,
        "DestinationS3Uri": f"s3://{endpoints.aws.bucket}/{prefix}",
        "CaptureOptions": [{"CaptureMode": mode} for mode in modes],
        **members,
    }


def records(endpoints: Endpoints, prefix: str, count: int) -> dict[str, list[dict[str, Any]]]:
    """The captured records by key, once there are so many."""

    def look() -> dict[str, list[dict[str, Any]]] | None:
        bucket = endpoints.aws.bucket
        found = {}
        for entry in endpoints.s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", []):
            body = endpoints.s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
            found[entry["Key"]] = [json.loads(line) for line in body.splitlines()]
        return found if sum(map(len, found.values())) >= count else None

    return wait_until(look)


def test_records_and_their_place(endpoints: Endpoints) -> None:
    prefix = unique("captured")
    config = capture(
        endpoints,
        prefix,
        "Input",
        "Output",
        CaptureContentTypeHeader={"JsonContentTypes": ["application/json"]},
    )
    name = endpoints.in_service(endpoints.model(ECHO), DataCaptureConfig=config)
    described = endpoints.describe(name)["DataCaptureConfig"]
    assert (described["CaptureStatus"], described["CurrentSamplingPercentage"]) == ("Started", 100)
    endpoints.invoke(name, "hello", InferenceId="number-1")
    found = records(endpoints, f"{prefix}/", 1)
    (key, [record]) = found.popitem()
    time_and_name = r"\d{4}/\d\d/\d\d/\d\d/\d\d-\d\d-\d{3}-[0-9a-f-]{36}\.jsonl"
    assert re.fullmatch(f"{prefix}/{name}/variant-0/{time_and_name}", key)
    assert record["eventVersion"] == "0"
    assert record["eventMetadata"]["inferenceId"] == "number-1"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", record["eventMetadata"]["inferenceTime"])
    given, answered = record["captureData"]["endpointInput"], record["captureData"]["endpointOutput"]
    assert given == {
        "observedContentType": "text/plain",
        "mode": "INPUT",
        "data": base64.b64encode(b"hello").decode(),
        "encoding": "BASE64",
    }
    assert (answered["mode"], answered["encoding"]) == ("OUTPUT", "JSON")
    assert json.loads(answered["data"])["data"] == "hello"
    endpoints.delete(name)


def test_sample_and_modes(endpoints: Endpoints) -> None:
    prefix = unique("captured")
    nothing = capture(endpoints, f"{prefix}/nothing", "Input", percentage=0)
    quiet = endpoints.in_service(endpoints.model(ECHO), DataCaptureConfig=nothing)
    csv = {"CsvContentTypes": ["text/csv"]}
    half = capture(endpoints, f"{prefix}/half", "Input", percentage=50, CaptureContentTypeHeader=csv)
    name = endpoints.in_service(endpoints.model(ECHO), DataCaptureConfig=half)
    for _ in range(60):
        endpoints.invoke(quiet)
        endpoints.invoke(name, "1,2", ContentType="text/csv")
    found = [record for lines in records(endpoints, f"{prefix}/", 12).values() for record in lines]
    assert 12 <= len(found) <= 48
    assert {tuple(record["captureData"]) for record in found} == {("endpointInput",)}
    assert found[0]["captureData"]["endpointInput"]["data"] == "1,2"
    assert not endpoints.s3.list_objects_v2(Bucket=endpoints.aws.bucket, Prefix=f"{prefix}/nothing").get(
        "KeyCount"
    )
    endpoints.delete(quiet)
    endpoints.delete(name)
