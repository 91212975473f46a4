"""TFRecord shards of `tf.train.Example`: byte for byte as TensorFlow writes them, without TensorFlow.

A record is its length, the length's CRC, an Example, and the Example's CRC. An Example is a protocol buffer:
one map of features, here in the order of their names, as deterministic serialisation has them.
Source: https://www.tensorflow.org/tutorials/load_data/tfrecord and https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import functools
import struct
from typing import Dict, Iterator, List, Mapping, NamedTuple, Tuple, Union

from idc.converter.records.crc32c import crc32c, masked
from idc.converter.records.protobuf import FIRST, feature_head, head, number_feature, read_feature, read_head
from idc.converter.records.recordio import corrupt

SUFFIXES = (EXAMPLES,) = (".tfrecord",)

ENCODED, FORMAT = b"image/encoded", b"image/format"
LABEL, FILENAME = b"image/class/label", b"image/filename"
FORMATS = PNG, JPEG = b"png", b"jpeg"

Buffer = Union[bytes, bytearray]

_PNG_START = b"\x89PNG\r\n\x1a\n"
_LENGTH = struct.Struct("<Q")
_CRC = struct.Struct("<I")
_HEAD = struct.Struct("<QI")
_LABELS = tuple(number_feature(LABEL, label) for label in (0, 1))
_FORMATS = {name: feature_head(FORMAT, len(name)) + name for name in FORMATS}


class Example(NamedTuple):
    """One image of a shard: where its record begins, its label, name, format and encoded bytes."""

    offset: int
    label: int
    name: str
    format: bytes
    image: bytes


class TFRecordWriter:
    """Builds one shard in memory."""

    def __init__(self) -> None:
        """Start an empty shard."""
        self._parts: List[bytes] = []
        self._count = 0

    def __len__(self) -> int:
        """Return the number of examples so far."""
        return self._count

    def append(self, label: int, name: str, image: bytes) -> None:
        """Add one image, which is kept as it is until all are joined once."""
        filename = name.encode()
        before = _LABELS[label] + feature_head(ENCODED, len(image))
        after = feature_head(FILENAME, len(filename)) + filename + _FORMATS[_format_of(image)]
        before = head(FIRST, len(before) + len(image) + len(after)) + before
        length = _length_head(len(before) + len(image) + len(after))
        crc = masked(crc32c(after, crc32c(image, crc32c(before))))
        self._parts += (length + before, image, after + _CRC.pack(crc))
        self._count += 1

    def files(self) -> Dict[str, Buffer]:
        """Return the shard's files by their suffix; the writer is empty and of no use afterwards."""
        parts, self._parts = self._parts, []
        return {EXAMPLES: b"".join(parts)}


@functools.lru_cache(maxsize=1 << 14)
def _length_head(size: int) -> bytes:
    length = _LENGTH.pack(size)
    return length + _CRC.pack(masked(crc32c(length)))


def read_examples(shard: Buffer, name: str) -> Iterator[Example]:
    """Yield every example of a shard; `name` is for errors.

    Raises:
        CorruptShard: the bytes are not whole records with their CRCs, each of one image and its label.
    """
    view = memoryview(shard)
    offset = 0
    while offset < len(view):
        record, end = _unframe(view, offset, name)
        try:
            yield _parse(offset, record)
        except ValueError as problem:
            raise corrupt(name, f"a record at {offset} that {problem}", "an image and its label") from problem
        offset = end


def verify(files: Mapping[str, Buffer], name: str, records: int) -> None:
    """Check every CRC of a shard, that each record is an image with its label, and their number.

    Raises:
        CorruptShard: names the shard and what is wrong.
    """
    seen = sum(1 for _ in read_examples(files[EXAMPLES], name))
    if seen != records:
        raise corrupt(name, f"{seen} records", f"{records}")


def _unframe(view: memoryview, offset: int, name: str) -> Tuple[bytes, int]:
    """Return the data of the record at `offset` and the offset of the next."""
    start = offset + _HEAD.size
    if start > len(view):
        raise corrupt(name, f"an end inside a record at {offset}", "whole records")
    length, _ = _HEAD.unpack_from(view, offset)
    if view[offset:start] != _length_head(length):
        raise corrupt(name, f"a length with a wrong CRC at {offset}", "the CRC-32C of the length")
    end = start + length
    if end + _CRC.size > len(view):
        raise corrupt(name, f"an end inside a record at {offset}", "whole records")
    record = bytes(view[start:end])
    if masked(crc32c(record)) != _CRC.unpack_from(view, end)[0]:
        raise corrupt(name, f"a record with a wrong CRC at {offset}", "the CRC-32C of its data")
    return record, end + _CRC.size


def _parse(offset: int, record: bytes) -> Example:
    start, size = read_head(record, 0)
    if record[:start] != head(FIRST, size) or start + size != len(record):
        raise ValueError("is no Example")
    end = start + len(_LABELS[0])
    if record[start:end] not in _LABELS:
        raise ValueError("has no label 0 or 1 where it belongs")
    image, at = read_feature(record, end, ENCODED)
    filename, at = read_feature(record, at, FILENAME)
    kind = _format_of(image)
    if record[at:] != _FORMATS[kind]:
        raise ValueError("does not end with the format of its image")
    return Example(offset, _LABELS.index(record[start:end]), filename.decode(), kind, image)


def _format_of(image: bytes) -> bytes:
    return PNG if image.startswith(_PNG_START) else JPEG
