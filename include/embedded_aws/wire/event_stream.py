"""Encoder for Amazon's event stream messages.

Source: https://smithy.io/2.0/aws/amazon-eventstream.html
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping

CONTENT_TYPE = "application/vnd.amazon.eventstream"
_STRING = 7


def event(name: str, payload: bytes) -> bytes:
    """An event whose member is its payload."""
    return message(
        {":message-type": "event", ":event-type": name, ":content-type": "application/octet-stream"}, payload
    )


def exception(name: str, members: Mapping[str, object]) -> bytes:
    """An error after the stream has begun."""
    headers = {":message-type": "exception", ":exception-type": name, ":content-type": "application/json"}
    return message(headers, json.dumps(members).encode())


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Lengths and their checksum, headers, payload, and the checksum of all of it."""
    encoded = b"".join(_header(name, value) for name, value in headers.items())
    lengths = struct.pack("!II", 16 + len(encoded) + len(payload), len(encoded))
    content = lengths + struct.pack("!I", zlib.crc32(lengths)) + encoded + payload
    return content + struct.pack("!I", zlib.crc32(content))


def _header(name: str, value: str) -> bytes:
    name_bytes, value_bytes = name.encode(), value.encode()
    return (
        struct.pack("!B", len(name_bytes))
        + name_bytes
        + struct.pack("!BH", _STRING, len(value_bytes))
        + value_bytes
    )
