"""Write a zip archive to a stream: no seeking, bounded memory, the same bytes for the same members.

Members are deflated as stored blocks, like those of the Kaggle archive: PNG does not shrink further. The
standard library's `zipfile` is no substitute. It keeps an object per member (118 MB for 277,524 members,
43 MB here), and on a stream it adds data descriptors, so that the generated samples of existing partitions
would have other digests.

Source: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, section 4.3
"""

from __future__ import annotations

import struct
import tempfile
import zlib
from collections.abc import Iterator
from typing import IO

from idc.converter.archive import DEFLATED

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_DAY_ONE = 0x21  # 1 January 1980, the format's first day
_PLAIN, _ZIP64 = 20, 45
_LONGEST_BLOCK = 0xFFFF
_SPOOL_BYTES = 8 << 20
_BLOCK_BYTES = 1 << 20


class ZipStream:
    """A zip archive that is being written, as a context; a large directory is kept on disk."""

    def __init__(self) -> None:
        """Start an empty archive."""
        self._directory: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115
        self._directory_bytes = 0
        self._members = 0
        self._offset = 0

    def __enter__(self) -> ZipStream:
        """Return the archive."""
        return self

    def __exit__(self, *failure: object) -> None:
        """Discard the directory, written or not."""
        self._directory.close()

    def member(self, name: str, content: bytes) -> bytes:
        """Return the bytes that add one member of at most 65,535 bytes."""
        size = len(content)
        if size > _LONGEST_BLOCK:
            raise ValueError(f"member {name!r}: {size} bytes, expected at most {_LONGEST_BLOCK}")
        raw, crc = name.encode("ascii"), zlib.crc32(content)
        block = struct.pack("<BHH", 1, size, size ^ 0xFFFF) + content
        self._enter(raw, crc, len(block), size)
        fields = (_PLAIN, 0, DEFLATED, 0, _DAY_ONE, crc, len(block), size, len(raw), 0)
        written = _LOCAL.pack(b"PK\3\4", *fields) + raw + block
        self._offset += len(written)
        return written

    def end(self) -> Iterator[bytes]:
        """Yield the central directory and the end of the archive."""
        self._directory.seek(0)
        yield from iter(lambda: self._directory.read(_BLOCK_BYTES), b"")
        at, size, members = self._offset, self._directory_bytes, self._members
        if members >= 0xFFFF or at >= 0xFFFFFFFF or size >= 0xFFFFFFFF:
            yield struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, _ZIP64, _ZIP64, 0, 0, members, members, size, at)
            yield struct.pack("<4sLQL", b"PK\6\7", 0, at + size, 1)
        few, size, at = min(members, 0xFFFF), min(size, 0xFFFFFFFF), min(at, 0xFFFFFFFF)
        yield struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, few, few, size, at, 0)

    def _enter(self, raw: bytes, crc: int, packed_size: int, size: int) -> None:
        is_far = self._offset >= 0xFFFFFFFF
        extra = struct.pack("<HHQ", 1, 8, self._offset) if is_far else b""
        version = _ZIP64 if is_far else _PLAIN
        sizes = (crc, packed_size, size, len(raw), len(extra), 0, 0, 0, 0)
        fields = (version, version, 0, DEFLATED, 0, _DAY_ONE, *sizes, min(self._offset, 0xFFFFFFFF))
        self._directory_bytes += self._directory.write(_CENTRAL.pack(b"PK\1\2", *fields) + raw + extra)
        self._members += 1
