"""The central directory of a zip archive, Zip64 or not, walked by hand: no list of all members is ever made.

Source: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.3 to 4.5
"""

from __future__ import annotations

import struct
from typing import Iterator, List, NamedTuple, Tuple

from idc.converter.errors import CorruptArchive
from idc.converter.ranges import RangeReader

_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LENGTHS = struct.Struct("<3H")  # of an entry's name, extra field and comment, from its byte 28 on
_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")
_LONGEST_COMMENT = 0xFFFF
ENCRYPTED, _UTF8 = 0x1, 0x800
_BLOCK_BYTES = 1 << 18
FULL = 0xFFFFFFFF  # the value of a field whose number is in the Zip64 fields


class Member(NamedTuple):
    """One entry of the central directory; sizes in bytes."""

    name: str
    raw_name: bytes
    offset: int
    compressed_size: int
    size: int
    crc: int
    method: int
    is_encrypted: bool


class Directory(NamedTuple):
    """Where the central directory is and how many entries it claims."""

    offset: int
    size: int
    members: int


def find_directory(reader: RangeReader) -> Directory:
    """Read the end of the archive, Zip64 or not.

    Raises:
        CorruptArchive: the archive is truncated or not a zip archive.
    """
    tail_size = min(reader.size, _LONGEST_COMMENT + _END.size + _LOCATOR_64.size)
    tail = reader.read(reader.size - tail_size, tail_size)
    at = tail.rfind(b"PK\5\6")
    while at >= 0:
        if at + _END.size <= len(tail) and at + _END.size + _END.unpack_from(tail, at)[7] == len(tail):
            break
        at = tail.rfind(b"PK\5\6", 0, at)
    if at < 0:
        raise corrupt(reader, "no end of a central directory in its last bytes", "one")
    disk, first_disk, here, members, size, offset = _END.unpack_from(tail, at)[1:7]
    end = reader.size - tail_size + at
    if members == 0xFFFF or size == FULL or offset == FULL:
        disk, first_disk, here, members, size, offset, end = _find_directory_64(reader, tail, at)
    if disk or first_disk or here != members:
        raise corrupt(reader, "one part of several", "a whole archive")
    if offset + size != end:
        raise corrupt(reader, f"a directory at {offset} + {size} bytes", f"its end at {end}")
    return Directory(offset, size, members)


def read_blocks(reader: RangeReader, directory: Directory) -> Iterator[Tuple[bytes, List[int]]]:
    """Yield a quarter of a megabyte or so of the directory at a time, and where in it each entry begins.

    Raises:
        CorruptArchive: the directory is damaged, or holds another number of entries than it claims.
    """
    lengths = _LENGTHS.unpack_from
    buffer, unread, seen = b"", directory.size, 0
    while unread:
        step = min(_BLOCK_BYTES, unread)
        buffer += reader.read(directory.offset + directory.size - unread, step)
        unread -= step
        starts, at = [], 0
        while len(buffer) - at >= _CENTRAL.size:
            if not buffer.startswith(b"PK\1\2", at):
                raise corrupt(reader, "a damaged central directory", "one that can be read to its end")
            name_size, extra_size, comment_size = lengths(buffer, at + 28)
            end = at + _CENTRAL.size + name_size + extra_size + comment_size
            if end > len(buffer):
                break
            starts.append(at)
            at = end
        seen += len(starts)
        yield buffer, starts
        buffer = buffer[at:]
    if buffer:
        raise corrupt(reader, "a central directory that ends inside an entry", "a whole one")
    if seen != directory.members:
        raise corrupt(reader, f"{seen} members", f"{directory.members} as its end says")


def read_entries(reader: RangeReader, directory: Directory) -> Iterator[Member]:
    """Yield every entry in order, reading the directory in blocks.

    Raises:
        CorruptArchive: as `read_blocks`, or an entry is damaged.
    """
    for buffer, starts in read_blocks(reader, directory):
        for at in starts:
            yield read_entry(reader, buffer, at)


def _find_directory_64(reader: RangeReader, tail: bytes, at: int) -> Tuple[int, ...]:
    if at < _LOCATOR_64.size or tail[at - _LOCATOR_64.size :][:4] != b"PK\6\7":
        raise corrupt(reader, "no Zip64 locator", "one, as its end says")
    where = _LOCATOR_64.unpack_from(tail, at - _LOCATOR_64.size)[2]
    fields = _END_64.unpack(reader.read(where, _END_64.size))
    if fields[0] != b"PK\6\6":
        raise corrupt(reader, f"no Zip64 end at {where}", "one")
    return (*fields[4:10], where)


def read_entry(reader: RangeReader, buffer: bytes, at: int) -> Member:
    """Return the entry that begins at `at` and lies in `buffer` to its end.

    Raises:
        CorruptArchive: its name or its Zip64 sizes are damaged.
    """
    fields = _CENTRAL.unpack_from(buffer, at)
    flags, method = fields[3], fields[4]
    crc, compressed, size, name_size, extra_size = fields[7:12]
    offset = fields[16]
    start = at + _CENTRAL.size
    raw = buffer[start : start + name_size]
    if size == FULL or compressed == FULL or offset == FULL:
        extra = buffer[start + name_size : start + name_size + extra_size]
        size, compressed, offset = _sizes_64(reader, extra, (size, compressed, offset))
    try:
        name = raw.decode("utf-8" if flags & _UTF8 else "cp437")
    except UnicodeDecodeError as error:
        raise corrupt(reader, f"a member name that is not UTF-8: {raw!r}", "UTF-8 as declared") from error
    return Member(name, raw, offset, compressed, size, crc, method, bool(flags & ENCRYPTED))


def _sizes_64(reader: RangeReader, extra: bytes, sizes: Tuple[int, int, int]) -> Tuple[int, int, int]:
    """Replace each size of all ones by the next 64-bit number of the Zip64 extra field."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        field = extra[at + 4 : at + 4 + length]
        numbers = [number for (number,) in struct.iter_unpack("<Q", field[: len(field) // 8 * 8])]
        if kind == 1 and len(numbers) >= sizes.count(FULL):
            first, second, third = (numbers.pop(0) if size == FULL else size for size in sizes)
            return first, second, third
        at += 4 + length
    raise corrupt(reader, "a member without its Zip64 sizes", "a Zip64 extra field")


def corrupt(reader: RangeReader, observed: str, expected: str) -> CorruptArchive:
    """Return the error for an archive that is not whole."""
    return CorruptArchive("archive", reader.name, observed, expected, "Fetch the archive again.")
