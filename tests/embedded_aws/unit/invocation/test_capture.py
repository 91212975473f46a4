from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from embedded_aws import settings
from embedded_aws.invocation.capture import Capture, Payload, record

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


def test_an_address_outside_s3_spoils_only_its_own_records(tmp_path: Path) -> None:
    capture, stored = Capture(settings.load(tmp_path)), []
    vars(capture)["_s3"] = SimpleNamespace(put_object=lambda **members: stored.append(members["Bucket"]))
    for destination in ("https://elsewhere/x", "s3://bucket/x"):
        config = {
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": destination,
            "CaptureOptions": [{"CaptureMode": "Input"}],
        }
        capture.take({"capture": config}, "e", "v", None, {"Input": Payload("text/csv", b"1")})
    asyncio.run(capture.flush())
    assert stored == ["bucket"]
