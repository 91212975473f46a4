"""Reads the members of a runtime request from its headers and picks those the model gets."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from embedded_aws.wire import service
from embedded_aws.wire.faults import ServiceFault, ValidationError

Members = Mapping[str, Any]

INVOKE, INVOKE_ASYNC = "InvokeEndpoint", "InvokeEndpointAsync"
INVOKE_STREAM = "InvokeEndpointWithResponseStream"
OPERATIONS = {
    "invocations": INVOKE,
    "async-invocations": INVOKE_ASYNC,
    "invocations-response-stream": INVOKE_STREAM,
}
_SEEN_BY_THE_MODEL = {
    "ContentType": "content-type",
    "Accept": "accept",
    "CustomAttributes": "x-amzn-sagemaker-custom-attributes",
    "TargetVariant": "x-amzn-sagemaker-target-variant",
    "InferenceId": "x-amzn-sagemaker-inference-id",
    "SessionId": "x-amzn-sagemaker-session-id",
}
_NOT_SERVED = {
    "TargetModel": "multi-model endpoints",
    "TargetContainerHostname": "multi-container endpoints",
    "InferenceComponentName": "inference components",
    "EnableExplanations": "explanations",
}


def read(operation: str, endpoint: str, headers: Mapping[str, str]) -> Members:
    """The validated members of a request but for its body.

    Raises:
        ValidationError: one violates the service model, or is not served here.
    """
    return _validated(operation, endpoint, tuple(headers.get(name) for _, name, _ in _headers(operation)))


def for_the_model(members: Members) -> dict[str, str]:
    """The headers the model's container receives."""
    return {name: members[member] for member, name in _SEEN_BY_THE_MODEL.items() if member in members}


@lru_cache(maxsize=1024)
def _validated(operation: str, endpoint: str, values: tuple[str | None, ...]) -> Members:
    """As `read`; the same few combinations of values come again and again."""
    members: dict[str, Any] = {"EndpointName": endpoint}
    for (member, _, is_number), value in zip(_headers(operation), values, strict=True):
        if value is not None:
            members[member] = int(value) if is_number and value.isdecimal() else value
    try:
        api = service.runtime()
        api.validated(api.operation(operation), {"Body": b"", **members})
    except ServiceFault as fault:
        raise ValidationError(fault.message) from fault
    for member, what in _NOT_SERVED.items():
        if member in members:
            raise ValidationError(f"{member} cannot be specified: {what} are not served here.")
    return members


@cache
def _headers(operation: str) -> list[tuple[str, str, bool]]:
    """Member, header name in small letters and whether it is a number, for all members in headers."""
    shape = service.runtime().operation(operation).input_shape
    assert shape is not None
    return [
        (name, member.serialization["name"].lower(), member.type_name == "integer")
        for name, member in shape.members.items()
        if member.serialization.get("location") == "header"
    ]
