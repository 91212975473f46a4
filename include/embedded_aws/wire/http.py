"""HTTP helpers of the edge: reads ASGI requests, writes responses and errors of each protocol."""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

from embedded_aws.wire.faults import RequestTooLarge, ServiceFault

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

JSON = "application/x-amz-json-1.1"


@dataclass(frozen=True)
class Answer:
    """A complete HTTP answer."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def header_map(scope: Scope) -> dict[str, str]:
    """The request's headers by small-letter name; repeated ones joined by commas."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


async def read_body(receive: Receive, limit_bytes: int) -> bytes:
    """The whole body, refused as soon as it grows past the limit.

    Raises:
        RequestTooLarge: it is larger than the limit.
    """
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError("the client went away")
        part = message.get("body", b"")
        size += len(part)
        if size > limit_bytes:
            raise RequestTooLarge(f"Request size exceeded the limit of {limit_bytes} bytes")
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


async def send_answer(send: Send, answer: Answer) -> None:
    """Send an answer with the identifier the services give every request."""
    headers = {
        "x-amzn-requestid": str(uuid.uuid4()),
        "content-length": str(len(answer.body)),
        **answer.headers,
    }
    encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    await send({"type": "http.response.body", "body": answer.body})


def json_fault(fault: ServiceFault) -> Answer:
    """An error of a JSON 1.1 service."""
    body = {"__type": fault.code, "message": fault.message, **fault.members}
    headers = {"content-type": JSON, "x-amzn-errortype": fault.code}
    return Answer(400 if fault.status < 500 else fault.status, json.dumps(body).encode(), headers)


def rest_json_fault(fault: ServiceFault) -> Answer:
    """An error of a REST JSON service."""
    body = {"Message": fault.message, **fault.members}
    headers = {"content-type": "application/json", "x-amzn-errortype": fault.code}
    return Answer(fault.status, json.dumps(body).encode(), headers)


def xml_fault(fault: ServiceFault) -> Answer:
    """An error of a query service, such as STS and IAM, which have names of their own for it."""
    names = {
        "UnrecognizedClientException": "InvalidClientTokenId",
        "InvalidSignatureException": "SignatureDoesNotMatch",
        "MissingAuthenticationTokenException": "MissingAuthenticationToken",
    }
    code = names.get(fault.code, fault.code)
    body = (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>"
        f"<Message>{escape(fault.message)}</Message></Error></ErrorResponse>"
    )
    return Answer(fault.status, body.encode(), {"content-type": "text/xml"})
