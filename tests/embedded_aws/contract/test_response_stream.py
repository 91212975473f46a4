"""InvokeEndpointWithResponseStream gives a model's answer in the parts it comes in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_endpoints import ECHO, Endpoints
from botocore.exceptions import ClientError
from local_aws import LocalAws


@pytest.fixture(scope="module")
def endpoints(embedded_aws: LocalAws) -> Endpoints:
    return Endpoints(embedded_aws)


def stream(endpoints: Endpoints, name: str, data: bytes) -> dict[str, Any]:
    return dict(
        endpoints.runtime.invoke_endpoint_with_response_stream(
            EndpointName=name, Body=data, ContentType="text/plain", Accept="application/json"
        )
    )


def test_parts_and_errors(endpoints: Endpoints) -> None:
    name = endpoints.in_service(endpoints.model(ECHO))
    long = b"x" * 300_000
    answer = stream(endpoints, name, long)
    assert answer["ContentType"] == "application/json"
    assert answer["InvokedProductionVariant"] == "variant-0"
    parts = [event["PayloadPart"]["Bytes"] for event in answer["Body"]]
    assert json.loads(b"".join(parts))["data"].encode() == long
    with pytest.raises(endpoints.runtime.exceptions.ModelError) as refused:
        stream(endpoints, name, b"crash")
    assert refused.value.response["OriginalMessage"] == "RuntimeError: out of luck"
    with pytest.raises(ClientError, match="Endpoint none of account 123456789012 not found"):
        stream(endpoints, "none", b"x")
    endpoints.delete(name)
