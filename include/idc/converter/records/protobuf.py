"""Protocol buffers, as much of them as `tf.train.Example` needs: nested messages, bytes and one number.

    Example { Features features = 1; }    Features { map<string, Feature> feature = 1; }
    Feature { BytesList bytes_list = 1; Int64List int64_list = 3; }    both lists { repeated value = 1; }

Source: https://protobuf.dev/programming-guides/encoding/ and tensorflow/core/example/{example,feature}.proto
"""

from __future__ import annotations

import functools
from typing import Tuple

FIRST = 0x0A  # field 1, length-delimited: all of ours but the next two
VALUE = 0x12  # field 2: a map entry's value
INT64_LIST = 0x1A  # field 3 of Feature

_LONGEST_VARINT = 10


def head(tag: int, size: int) -> bytes:
    """Return what stands before `size` bytes of a field: its tag and the size as a varint."""
    found = bytearray([tag])
    while size > 0x7F:
        found.append(size & 0x7F | 0x80)
        size >>= 7
    found.append(size)
    return bytes(found)


@functools.lru_cache(maxsize=1 << 14)
def feature_head(key: bytes, size: int) -> bytes:
    """Return what stands before `size` bytes that are all of the feature `key`, from its map entry on."""
    value = head(FIRST, size)
    value = head(FIRST, len(value) + size) + value
    value = head(VALUE, len(value) + size) + value
    entry = head(FIRST, len(key)) + key + value
    return head(FIRST, len(entry) + size) + entry


def number_feature(key: bytes, number: int) -> bytes:
    """Return a whole feature that is one number from 0 to 127."""
    value = head(FIRST, 1) + bytes([number])
    value = head(INT64_LIST, len(value)) + value
    value = head(VALUE, len(value)) + value
    entry = head(FIRST, len(key)) + key + value
    return head(FIRST, len(entry)) + entry


def read_feature(message: bytes, at: int, key: bytes) -> Tuple[bytes, int]:
    """Return the bytes that are all of the feature `key` at `at`, and where the next feature begins.

    Raises:
        ValueError: that feature does not stand there, or not in the form `feature_head` gives it.
    """
    start, size = read_head(message, at)
    end = start + size
    start, size = read_head(message, start)
    start += size
    for _ in ("Feature", "BytesList", "value"):
        start, size = read_head(message, start)
    if start + size != end or end > len(message) or message[at:start] != feature_head(key, size):
        raise ValueError(f"does not hold {key.decode()} where it belongs")
    return message[start:end], end


def read_head(message: bytes, at: int) -> Tuple[int, int]:
    """Return where the content of the field at `at` begins, and its size.

    Raises:
        ValueError: there is no number.
    """
    size = shift = 0
    for place in range(at + 1, min(len(message), at + 1 + _LONGEST_VARINT)):
        byte = message[place]
        size |= (byte & 0x7F) << shift
        if byte < 0x80:
            return place + 1, size
        shift += 7
    raise ValueError("ends inside a number")
