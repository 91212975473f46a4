"""Splits objects into records and gathers records into request bodies.

Sources: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformInput.html,
dmlc-core include/dmlc/recordio.h, https://www.tensorflow.org/tutorials/load_data/tfrecord
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from embedded_aws.jobs.pipe_recordio import LAST, MAGIC, WHOLE
from embedded_aws.transform.transform_failures import BadRecord

TOO_MUCH = "Too much data for max payload size"
NEWLINE = b"\n"
_RECORDIO_HEADER = struct.Struct("<II")
_TFRECORD_HEADER = struct.Struct("<QI")
_CRC_BYTES = 4
_LENGTH_MASK = 2**29 - 1


@dataclass(frozen=True)
class Record:
    """One record: its bytes, the same with header and padding, and what the input filter saw of it."""

    data: bytes
    framed: bytes
    source: bytes


@dataclass(frozen=True)
class Batching:
    """How records become requests; `limit_bytes` is the largest body, None for any size."""

    split_type: str
    is_single: bool
    limit_bytes: int | None

    def batches(self, records: Iterable[Record]) -> Iterator[list[Record]]:
        """Records in order, as many as go into one request.

        Raises:
            BadRecord: one alone is larger than a request may be.
        """
        batch: list[Record] = []
        size = 0
        for record in records:
            needed = len(self._alone(record))
            self._check(needed)
            if batch and (self.is_single or self._is_full(size + needed)):
                yield batch
                batch, size = [], 0
            batch.append(record)
            size += needed + len(self._separator)
        if batch:
            yield batch

    def body(self, batch: list[Record]) -> bytes:
        """What is sent for a batch."""
        return self._separator.join(self._alone(record) for record in batch)

    def check_size(self, size_bytes: int) -> None:
        """Refuse an object that would be read whole and is too large.

        Raises:
            BadRecord: it is.
        """
        if self.split_type == "None":
            self._check(size_bytes)

    @property
    def _separator(self) -> bytes:
        return NEWLINE if self.split_type == "Line" else b""

    def _alone(self, record: Record) -> bytes:
        """Framing tells the records of a request apart, so it is left out when there is one only."""
        return record.data if self.is_single else record.framed

    def _is_full(self, size: int) -> bool:
        return self.limit_bytes is not None and size > self.limit_bytes

    def _check(self, size: int) -> None:
        if self._is_full(size):
            raise BadRecord(f"{TOO_MUCH}: a record of {size} bytes, expected at most {self.limit_bytes}")


def split(file: BinaryIO, split_type: str) -> Iterator[Record]:
    """The records of an object.

    Raises:
        BadRecord: it is not of the format its SplitType says.
    """
    return _SPLITTERS[split_type](file)


def _whole(file: BinaryIO) -> Iterator[Record]:
    data = file.read()
    yield Record(data, data, data)


def _lines(file: BinaryIO) -> Iterator[Record]:
    """Lines without their ends; empty ones are no records."""
    for line in file:
        if data := line.rstrip(b"\r\n"):
            yield Record(data, data, data)


def _recordio(file: BinaryIO) -> Iterator[Record]:
    """Records of RecordIO; one whose data holds the magic number is spread over several parts."""
    parts: list[bytes] = []
    framed = b""
    while header := file.read(_RECORDIO_HEADER.size):
        magic, length = _unpacked(_RECORDIO_HEADER, header, "RecordIO")
        if magic != MAGIC:
            raise BadRecord(f"RecordIO: magic number {magic:#x}, expected {MAGIC:#x}")
        flag, size = length >> 29, length & _LENGTH_MASK
        body = _read(file, size + -size % 4, "RecordIO")
        parts.append(body[:size])
        framed += header + body
        if flag in (WHOLE, LAST):
            data = struct.pack("<I", MAGIC).join(parts)
            yield Record(data, framed, data)
            parts, framed = [], b""
    if parts:
        raise BadRecord("RecordIO: the last record is not complete")


def _tfrecord(file: BinaryIO) -> Iterator[Record]:
    while header := file.read(_TFRECORD_HEADER.size):
        size, _ = _unpacked(_TFRECORD_HEADER, header, "TFRecord")
        body = _read(file, size + _CRC_BYTES, "TFRecord")
        yield Record(body[:size], header + body, body[:size])


def _unpacked(form: struct.Struct, header: bytes, name: str) -> tuple[int, int]:
    if len(header) < form.size:
        raise BadRecord(f"{name}: {len(header)} bytes after the last record, expected a record's header")
    first, second = form.unpack(header)
    return int(first), int(second)


def _read(file: BinaryIO, size: int, name: str) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise BadRecord(f"{name}: {len(data)} bytes of a record, expected {size}")
    return data


_SPLITTERS: dict[str, Callable[[BinaryIO], Iterator[Record]]] = {
    "None": _whole,
    "Line": _lines,
    "RecordIO": _recordio,
    "TFRecord": _tfrecord,
}
