"""Data capture: writes requests and responses of an endpoint to S3 as JSON lines.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
import time
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from embedded_aws.errors import DownloadError
from embedded_aws.s3 import seaweedfs
from embedded_aws.s3.transfer import Location
from embedded_aws.settings import Settings
from embedded_aws.store.resources import Document

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FLUSH_PERIOD_S = 2.0
MOST_BYTES = 64 * 1024 * 1024
_MODES = {"Input": ("Input",), "Output": ("Output",), "InputAndOutput": ("Input", "Output")}


@dataclass(frozen=True)
class Payload:
    """A body and its content type."""

    content_type: str
    body: bytes


@dataclass(frozen=True)
class _Place:
    """Whose records go into one file."""

    destination: str
    endpoint: str
    variant: str


class Capture:
    """Collects records in memory and stores them in S3 every other second."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._records: defaultdict[_Place, list[bytes]] = defaultdict(list)
        self._size_bytes = 0

    def take(
        self,
        plan: Document,
        endpoint: str,
        variant: str,
        inference_id: str | None,
        sides: Mapping[str, Payload],
    ) -> None:
        """Record an invocation, if its fleet's configuration asks for it and it is in the sample.

        `sides` holds the payloads of `Input` and `Output`.
        """
        config = plan.get("capture")
        if config is None or not config.get("EnableCapture", True):
            return
        if random.random() * 100 >= config["InitialSamplingPercentage"] or self._size_bytes > MOST_BYTES:
            return
        line = record(config, inference_id, sides, time.time())
        self._size_bytes += len(line)
        self._records[_Place(config["DestinationS3Uri"], endpoint, variant)].append(line)

    async def run(self) -> None:
        """Store what has been collected, for ever."""
        while True:
            await asyncio.sleep(FLUSH_PERIOD_S)
            await self.flush()

    async def flush(self) -> None:
        """Store what has been collected; what cannot be stored waits for the next time."""
        records, self._records, self._size_bytes = self._records, defaultdict(list), 0
        for place, lines in records.items():
            try:
                await asyncio.to_thread(self._store, place, lines)
            except DownloadError as error:  # no place in S3, nor will it be one
                print(f"data capture of endpoint {place.endpoint}: {error}", flush=True)
            except (BotoCoreError, ClientError) as error:
                print(f"data capture of endpoint {place.endpoint}: {error}", flush=True)
                self._records[place] = [*lines, *self._records[place]]
                self._size_bytes += sum(map(len, lines))

    def _store(self, place: _Place, lines: list[bytes]) -> None:
        now = time.time()
        stamp = time.strftime("%Y/%m/%d/%H/%M-%S", time.gmtime(now))
        name = f"{stamp}-{int(now * 1000) % 1000:03d}-{uuid.uuid4()}.jsonl"
        to = Location.parse(place.destination).below(f"{place.endpoint}/{place.variant}/{name}")
        self._s3.put_object(Bucket=to.bucket, Key=to.key, Body=b"".join(lines))

    @cached_property
    def _s3(self) -> S3Client:
        return seaweedfs.client(self._settings)


def record(config: Document, inference_id: str | None, sides: Mapping[str, Payload], now: float) -> bytes:
    """One line of a capture file."""
    modes = {side for option in config["CaptureOptions"] for side in _MODES[option["CaptureMode"]]}
    kinds = config.get("CaptureContentTypeHeader", {})
    captured = {
        f"endpoint{side}": _side(side, payload, kinds) for side, payload in sides.items() if side in modes
    }
    metadata = {"eventId": str(uuid.uuid4())}
    if inference_id is not None:
        metadata["inferenceId"] = inference_id
    metadata["inferenceTime"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    line = {"captureData": captured, "eventMetadata": metadata, "eventVersion": "0"}
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def _side(side: str, payload: Payload, kinds: Document) -> Document:
    encoding, data = _encoded(payload, kinds)
    return {
        "observedContentType": payload.content_type,
        "mode": side.upper(),
        "data": data,
        "encoding": encoding,
    }


def _encoded(payload: Payload, kinds: Document) -> tuple[str, str]:
    """Text as it is where the configuration names its content type, anything else in Base64."""
    kind = payload.content_type.partition(";")[0].strip().lower()
    for encoding, member in (("CSV", "CsvContentTypes"), ("JSON", "JsonContentTypes")):
        if kind in (name.lower() for name in kinds.get(member, [])):
            try:
                return encoding, payload.body.decode()
            except UnicodeDecodeError:
                break
    return "BASE64", base64.b64encode(payload.body).decode()
