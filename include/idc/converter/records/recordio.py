"""RecordIO shards: written and read byte for byte as MXNet does, without MXNet.

A record is the magic, a word of three flag bits and the length, and the payload padded to four bytes. A
payload that holds the magic at a multiple of four bytes is written as several parts, the magic left out
between them. RecordIO has no checksum: the index of the dataset carries one per shard.
Source: https://github.com/dmlc/dmlc-core/blob/main/src/recordio.cc and mxnet/recordio.py
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Dict, Iterator, List, Mapping, NamedTuple, Tuple, Union

import numpy as np

from idc.converter.errors import CorruptShard

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUFFIXES = RECORDS, OFFSETS, NAMES = ".rec", ".idx", ".lst"

Buffer = Union[bytes, bytearray]

MAGIC = 0xCED7230A
_MAGIC = struct.pack("<I", MAGIC)
_PART = struct.Struct("<4sI")
_IMAGE = struct.Struct("<IfQQ")  # number of labels beyond one, label, id, higher half of the id
_LENGTH_BITS = 29
_WHOLE, _FIRST, _MIDDLE, _LAST = range(4)
_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")


class Record(NamedTuple):
    """One image of a shard: where it begins, its number (RecordIO: id), its label and its encoded bytes."""

    offset: int
    number: int
    label: int
    image: bytes


class RecordIOWriter:
    """Builds one shard in memory: records, `.idx` with their offsets, `.lst` with labels and names."""

    def __init__(self) -> None:
        """Start an empty shard."""
        self._records = Framing()
        self._names: List[str] = []

    def __len__(self) -> int:
        """Return the number of records so far."""
        return len(self._names)

    def append(self, label: int, name: str, image: bytes) -> None:
        """Add one image; its number is that of the records before it."""
        number = len(self._names)
        self._names.append(f"{number}\t{label}\t{name}\n")
        self._records.append(_IMAGE.pack(0, label, number, 0), image)

    def files(self) -> Dict[str, Buffer]:
        """Return the shard's files by their suffix; the writer is empty and of no use afterwards."""
        records, offsets = self._records.join()
        return {
            RECORDS: records,
            OFFSETS: "".join(f"{number}\t{offset}\n" for number, offset in enumerate(offsets)).encode(),
            NAMES: "".join(self._names).encode(),
        }


class Framing:
    """The records of a shard in the making; images are kept as they are until all are joined once."""

    def __init__(self) -> None:
        """Start without records."""
        self._parts: List[bytes] = []  # three for each record: its head, its image, its padding

    def __len__(self) -> int:
        """Return the number of records so far."""
        return len(self._parts) // 3

    def append(self, header: bytes, image: bytes) -> None:
        """Add one record: a header of a multiple of four bytes that is never the magic, and an image."""
        size = len(header) + len(image)
        self._parts += (_PART.pack(_MAGIC, size) + header, image, _PADDING[size % 4])

    def join(self) -> Tuple[bytes, List[int]]:
        """Return all records and the offset of each, once.

        To look for the magic in all images together, after joining, is ten times as fast as in each.
        """
        count, parts = len(self), self._parts
        self._parts = []
        joined = b"".join(parts)
        found = _find_magic(joined)
        if len(found) != count:  # some stand in images
            joined = b"".join(_split(parts))
            found = _find_magic(joined)
            flags = np.frombuffer(joined, dtype="<u4")[found + 1] >> _LENGTH_BITS
            found = found[flags <= _FIRST]
        return joined, (found * 4).tolist()


def read_records(shard: Buffer, name: str) -> Iterator[Record]:
    """Yield every record of a shard; `name` is for errors.

    Raises:
        CorruptShard: the bytes are not whole records of one label each.
    """
    view = memoryview(shard)
    offset = 0
    while offset < len(view):
        payload, end = unframe(view, offset, name)
        if len(payload) < _IMAGE.size:
            raise corrupt(name, f"a record of {len(payload)} bytes at {offset}", f"at least {_IMAGE.size}")
        flag, label, index, high = _IMAGE.unpack_from(payload)
        if flag or high or label not in (0, 1):
            raise corrupt(name, f"flag {flag}, label {label:g} at {offset}", "flag 0, label 0 or 1")
        yield Record(offset, index, int(label), payload[_IMAGE.size :])
        offset = end


def verify(files: Mapping[str, Buffer], name: str, records: int) -> None:
    """Check a shard's files against each other: every record's place, index and label, and their number.

    Raises:
        CorruptShard: names the shard and the first thing that differs.
    """
    offsets, names = _lines(files[OFFSETS], name), _lines(files[NAMES], name)
    if not len(offsets) == len(names) == records:
        raise corrupt(name, f"{len(offsets)} offsets and {len(names)} names", f"{records} of each")
    seen = 0
    for record in read_records(files[RECORDS], name):
        if seen < records:
            is_listed = names[seen].startswith(f"{seen}\t{record.label}\t")
            if record.number != seen or offsets[seen] != f"{seen}\t{record.offset}" or not is_listed:
                observed = f"index {record.number}, label {record.label} at {record.offset}"
                raise corrupt(name, observed, f"{offsets[seen]!r} and {names[seen]!r}")
        seen += 1
    if seen != records:
        raise corrupt(name, f"{seen} records", f"{records}")


def corrupt(name: str, observed: str, expected: str) -> CorruptShard:
    """Return the error for a shard that is not what its index says."""
    return CorruptShard("shard", name, observed, expected, "Convert the snapshot again.")


def _split(parts: List[bytes]) -> Iterator[bytes]:
    """Yield the same records, those that hold the magic at a multiple of four bytes in several parts."""
    for head, image in zip(parts[::3], parts[1::3]):
        flag, start, at = _WHOLE, 0, image.find(_MAGIC)
        header = head[_PART.size :]
        while at >= 0:
            if at % 4:
                at = image.find(_MAGIC, at + 1)
                continue
            yield _part(_MIDDLE if start else _FIRST, header + image[start:at])
            flag, header, start = _LAST, b"", at + len(_MAGIC)
            at = image.find(_MAGIC, start)
        yield _part(flag, header + image[start:])


def _part(flag: int, content: bytes) -> bytes:
    return _PART.pack(_MAGIC, flag << _LENGTH_BITS | len(content)) + content + _PADDING[len(content) % 4]


def _find_magic(records: bytes) -> NDArray[np.int64]:
    """Return the positions, in words of four bytes, at which the magic stands."""
    return np.flatnonzero(np.frombuffer(records, dtype="<u4") == np.uint32(MAGIC))


def unframe(view: memoryview, offset: int, name: str) -> Tuple[bytes, int]:
    """Return the payload of the record at `offset` and the offset of the next; `name` is for errors.

    Raises:
        CorruptShard: there is no whole record.
    """
    parts: List[bytes] = []
    expected = (_WHOLE, _FIRST)
    while True:
        if offset + _PART.size > len(view):
            raise corrupt(name, f"an end inside a record at {offset}", "whole records")
        magic, word = _PART.unpack_from(view, offset)
        flag, length = word >> _LENGTH_BITS, word & (1 << _LENGTH_BITS) - 1
        start = offset + _PART.size
        offset = start + length + -length % 4
        if magic != _MAGIC or flag not in expected or offset > len(view):
            raise corrupt(name, f"a damaged record before {offset}", "magic, flag and length of one")
        parts.append(bytes(view[start : start + length]))
        if flag in (_WHOLE, _LAST):
            return _MAGIC.join(parts), offset
        expected = (_MIDDLE, _LAST)


def _lines(content: Buffer, name: str) -> List[str]:
    try:
        return content.decode("ascii").splitlines()
    except UnicodeDecodeError as error:
        raise corrupt(name, "a list that is not text", "lines of numbers and names") from error
