"""CRC-32C, the checksum of TFRecord: by the `crc32c` package where there is one, else by NumPy.

Apart from its start and end values a CRC is linear: that of a block is the exclusive or of what each of its
bytes, followed by zeros to the block's end, has alone. NumPy looks all of these up at once. What came before
the block counts as four bytes added to its first ones.
Source: https://www.rfc-editor.org/rfc/rfc3720#appendix-B.4
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Callable, List, Tuple, Union

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Buffer = Union[bytes, bytearray, memoryview]

_POLYNOMIAL = 0x82F63B78  # Castagnoli's, its bits reversed
_ONES = 0xFFFFFFFF
_BLOCK_BYTES = 256  # its table takes 256 kB
_PLACES = np.arange(_BLOCK_BYTES)
_MASK_DELTA = 0xA282EAD8


def crc32c_by_numpy(content: Buffer, value: int = 0) -> int:
    """Return the CRC-32C of some bytes that follow those with the CRC-32C `value`."""
    table, first = _tables()
    state = value ^ _ONES
    if len(content) < 4:
        for byte in bytes(content):
            state = int(table[-1, (state ^ byte) & 0xFF]) ^ state >> 8
        return state ^ _ONES
    blocks = -(-len(content) // _BLOCK_BYTES)
    padded = np.zeros(blocks * _BLOCK_BYTES, dtype=np.uint8)
    start = len(padded) - len(content)  # zeros in front change nothing
    padded[start:] = np.frombuffer(content, dtype=np.uint8)
    padded[start : start + 4] ^= np.frombuffer(state.to_bytes(4, "little"), dtype=np.uint8)
    alone = table[_PLACES, padded.reshape(blocks, _BLOCK_BYTES)]
    one, two, three, four = first
    state = 0
    for block in np.bitwise_xor.reduce(alone, axis=1).tolist():
        before = one[state & 0xFF] ^ two[state >> 8 & 0xFF] ^ three[state >> 16 & 0xFF] ^ four[state >> 24]
        state = block ^ before
    return int(state) ^ _ONES


@functools.lru_cache(maxsize=1)
def _tables() -> Tuple[NDArray[np.uint32], List[List[int]]]:
    """Return the CRC at a block's end per place and value of a byte in it; the first four places as lists."""
    table = np.empty((_BLOCK_BYTES, 256), dtype=np.uint32)
    row = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        row = np.where(row & 1, row >> 1 ^ _POLYNOMIAL, row >> 1).astype(np.uint32)
    table[-1] = row
    for place in range(_BLOCK_BYTES - 2, -1, -1):
        table[place] = row[table[place + 1] & 0xFF] ^ table[place + 1] >> 8
    return table, table[:4].tolist()


def _fastest() -> Callable[..., int]:
    try:
        from crc32c import crc32c as by_package
    except ImportError:  # Amazon's MXNet image does not have it
        return crc32c_by_numpy
    return by_package


crc32c = _fastest()


def masked(crc: int) -> int:
    """Return the form in which TFRecord stores a CRC, so that data holding CRCs can be checked too.

    Source: https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/lib/hash/crc32c.h
    """
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & _ONES
