"""RecordIO as a stream: payloads one after the other, and the labels and images in them.

Several files read one after the other are one stream. A payload that holds the magic number is
stored in parts, which a reader joins.

Source: dmlc-core, include/dmlc/recordio.h; IRHeader in mxnet/recordio.py
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO

from embedded_aws.algorithms.image_classification.failures import CustomerError

_MAGIC = struct.pack("<I", 0xCED7230A)
_PART = struct.Struct("<4sI")
_HEADER = struct.Struct("<IfQQ")  # number of labels if several, label, two halves of the id
_LENGTH_BITS = 29
_WHOLE, _FIRST, _MIDDLE, _LAST = range(4)


def payloads(stream: IO[bytes], source: str) -> Iterator[bytes]:
    """Every payload to the end of the stream; `source` is for errors.

    Raises:
        CustomerError: it is not RecordIO, or ends within a record.
    """
    while head := stream.read(_PART.size):
        parts: list[bytes] = []
        expected: tuple[int, ...] = (_WHOLE, _FIRST)
        while True:
            flag, part = _part(stream, head, source)
            if flag not in expected:
                raise _damaged(source, "a part of a record out of its order")
            parts.append(part)
            if flag in (_WHOLE, _LAST):
                break
            head, expected = stream.read(_PART.size), (_MIDDLE, _LAST)
        yield _MAGIC.join(parts)


def spans(stream: IO[bytes], source: str) -> Iterator[tuple[int, int]]:
    """Where every record begins and ends in a file, without reading the payloads.

    Raises:
        CustomerError: it is not RecordIO.
    """
    begin = end = 0
    while head := stream.read(_PART.size):
        flag, length = _checked(head, source)
        end += _PART.size + length + -length % 4
        stream.seek(end)
        if flag in (_WHOLE, _LAST):
            yield begin, end
            begin = end
    if begin != end:
        raise _damaged(source, "an end within a record")


def labelled(payload: bytes, source: str) -> tuple[tuple[float, ...], bytes]:
    """The labels and the encoded image of a payload.

    Raises:
        CustomerError: it is too short to be one.
    """
    if len(payload) < _HEADER.size:
        raise _damaged(source, f"a record of {len(payload)} bytes")
    count, label, _, _ = _HEADER.unpack_from(payload)
    begin = _HEADER.size + 4 * count
    if begin > len(payload):
        raise _damaged(source, f"a record of {len(payload)} bytes with {count} labels")
    labels = struct.unpack_from(f"<{count}f", payload, _HEADER.size) if count else (label,)
    return labels, payload[begin:]


def _part(stream: IO[bytes], head: bytes, source: str) -> tuple[int, bytes]:
    flag, length = _checked(head, source)
    padded = length + -length % 4
    part = stream.read(padded)
    if len(part) != padded:
        raise _damaged(source, "an end within a record")
    return flag, part[:length]


def _checked(head: bytes, source: str) -> tuple[int, int]:
    magic, word = _PART.unpack(head) if len(head) == _PART.size else (b"", 0)
    if magic != _MAGIC:
        raise _damaged(source, f"a record that begins with {head[:4].hex() or 'nothing'}")
    return word >> _LENGTH_BITS, word & (1 << _LENGTH_BITS) - 1


def _damaged(source: str, observed: str) -> CustomerError:
    return CustomerError(source, observed, "whole records of RecordIO", "Make the .rec files again.")
