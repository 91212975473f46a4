"""What SageMaker's data capture and the REST API leave in the bucket, made by hand."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import numpy as np
from PIL import Image

from idc import layout
from idc.storage import ObjectStore

ENDPOINT = "histoflow-idc"
DAY = "2026-11-24"
PINK = (235, 150, 180)


def patch(colour: tuple[int, int, int] = PINK, seed: int = 0) -> bytes:
    """A patch of one colour with a texture, as PNG."""
    noise = np.random.default_rng(seed).integers(-20, 21, (50, 50, 3))
    buffer = io.BytesIO()
    Image.fromarray((np.array(colour) + noise).clip(0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def line(
    image: bytes | None, answer: float | str | None, at: str = f"{DAY}T10:00:00Z", **metadata: Any
) -> bytes:
    """One invocation as data capture has it."""
    sides: dict[str, Any] = {}
    if image is not None:
        sides["endpointInput"] = {
            "observedContentType": "application/x-image",
            "mode": "INPUT",
            "data": base64.b64encode(image).decode(),
            "encoding": "BASE64",
        }
    if answer is not None:
        data = answer if isinstance(answer, str) else json.dumps([1 - answer, answer])
        sides["endpointOutput"] = {
            "observedContentType": "application/json",
            "mode": "OUTPUT",
            "data": data,
            "encoding": "JSON",
        }
    facts = {"eventId": "event", "inferenceTime": at, **metadata}
    record = {"captureData": sides, "eventMetadata": facts, "eventVersion": "0"}
    return json.dumps(record).encode() + b"\n"


def captured(
    store: ObjectStore,
    lines: list[bytes],
    name: str = "10/00-00-000-a",
    variant: str = "v1-mxnet",
    day: str = DAY,
) -> str:
    """Leave a capture file; return its key."""
    key = f"{layout.captured_prefix(ENDPOINT, variant, day)}{name}.jsonl"
    store.put(key, b"".join(lines))
    return key


def labelled(
    store: ObjectStore,
    request_id: str,
    label: Any,
    probability: float,
    *,
    package: str,
    day: str = DAY,
    received_at: str = f"{DAY}T12:00:00+00:00",
    tile: tuple[int, int] | None = None,
    number: int = 1,
    hour: int = 10,
) -> str:
    """Leave a true label as POST /v1/feedback does; return its key."""
    name = f"x{tile[0]}_y{tile[1]}" if tile else ""
    key = layout.feedback(day, request_id, number, name)
    body = {
        "request_id": request_id,
        "tile": {"x": tile[0], "y": tile[1]} if tile else None,
        "label": label,
        "number": number,
        "received_at": received_at,
        "comment": None,
        "tenant": "tests",
        "answer": {"at": f"{day}T{hour:02}:00:00+00:00", "raw": probability, "probability": probability,
                   "threshold": 0.5, "version": "v1-mxnet", "package": package, "synthetic": True},
    }  # fmt: skip
    store.put(key, json.dumps(body).encode())
    return key
