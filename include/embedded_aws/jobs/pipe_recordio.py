"""RecordIO framing of Pipe mode: magic, length, bytes, padding.

A payload that holds the magic number at a multiple of four is split there, so that readers find
record boundaries from any offset.

Source: dmlc-core, include/dmlc/recordio.h
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from embedded_aws.errors import DownloadError

MAGIC = 0xCED7230A
LONGEST_RECORD_BYTES = 2**29 - 1
WHOLE, FIRST, MIDDLE, LAST = 0, 1, 2, 3
_MAGIC_BYTES = struct.pack("<I", MAGIC)


def wrapped(data: bytes) -> bytes:
    """The bytes as one record.

    Raises:
        DownloadError: they are more than a record can hold.
    """
    if len(data) > LONGEST_RECORD_BYTES:
        raise DownloadError(
            f"RecordIO record: {len(data)} bytes, expected at most {LONGEST_RECORD_BYTES}. "
            "Leave RecordWrapperType unset for objects of this size."
        )
    cuts = list(_aligned_magics(data))
    parts, begin = [], 0
    for cut in cuts:
        parts.append(_part(FIRST if begin == 0 else MIDDLE, data[begin:cut]))
        begin = cut + len(_MAGIC_BYTES)
    parts.append(_part(LAST if cuts else WHOLE, data[begin:]))
    return b"".join(parts) + bytes(-len(data) % 4)


def _aligned_magics(data: bytes) -> Iterator[int]:
    """Where the magic number stands at a multiple of four."""
    at = data.find(_MAGIC_BYTES)
    while at >= 0:
        if at % 4 == 0:
            yield at
            at = data.find(_MAGIC_BYTES, at + 4)
        else:
            at = data.find(_MAGIC_BYTES, at + 1)


def _part(flag: int, data: bytes) -> bytes:
    return _MAGIC_BYTES + struct.pack("<I", flag << 29 | len(data)) + data
