from __future__ import annotations

import base64
import json

import pytest

from embedded_aws.invocation.capture import Payload, record

KINDS = {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]}


@pytest.mark.parametrize(
    ("payload", "encoding", "data"),
    [
        (Payload("text/csv; charset=utf-8", b"1,2"), "CSV", "1,2"),
        (Payload("application/json", b'{"a":1}'), "JSON", '{"a":1}'),
        (Payload("application/json", b"\xff"), "BASE64", base64.b64encode(b"\xff").decode()),
        (Payload("application/x-image", b"png"), "BASE64", base64.b64encode(b"png").decode()),
    ],
)
def test_encodings(payload: Payload, encoding: str, data: str) -> None:
    config = {"CaptureOptions": [{"CaptureMode": "InputAndOutput"}], "CaptureContentTypeHeader": KINDS}
    line = record(config, None, {"Input": payload, "Output": payload}, 0.0)
    assert line.endswith(b"\n")
    captured = json.loads(line)
    for side in ("Input", "Output"):
        entry = captured["captureData"][f"endpoint{side}"]
        assert (entry["encoding"], entry["data"], entry["mode"]) == (encoding, data, side.upper())
    assert captured["eventMetadata"]["inferenceTime"] == "1970-01-01T00:00:00Z"
    assert "inferenceId" not in captured["eventMetadata"]
