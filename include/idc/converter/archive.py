"""A zip archive over ranged reads: its members, checked by name and number, and their content, by CRC-32.

Source: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, section 4.3
"""

from __future__ import annotations

import re
import struct
import unicodedata
import zlib
from dataclasses import dataclass
from typing import Iterator, Union

from idc.converter.directory import Member, find_directory, read_entries
from idc.converter.errors import CorruptArchive, UnsafeArchive
from idc.converter.ranges import RangeReader

STORED, DEFLATED = 0, 8
LOCAL_HEADER_BYTES = 30

_LOCAL = struct.Struct("<4s5H3L2H")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*/?", re.ASCII)
_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True)
class Limits:
    """What an archive may ask of its reader; the full Kaggle archive has 555,048 members and 3.2 GB."""

    members: int = 2_000_000
    total_bytes: int = 32 << 30
    ratio: float = 20.0
    patch_bytes: int = 1 << 20


def walk(reader: RangeReader, limits: Limits) -> Iterator[Member]:
    """Yield every member in the order of the directory.

    Raises:
        CorruptArchive: the directory is damaged.
        UnsafeArchive: a name leads out of the archive, or the declared totals exceed `limits`.
    """
    directory = find_directory(reader)
    check_limit(reader, "members", directory.members, limits.members)
    total = 0
    for member in read_entries(reader, directory):
        if not _PLAIN_NAME.fullmatch(member.name):
            check_name(member.name)
        total += member.size
        check_limit(reader, "unpacked bytes", total, limits.total_bytes)
        yield member
    check_limit(reader, "times its size unpacked", total / reader.size, limits.ratio)


def check_name(name: str) -> None:
    """Refuse a member name that could lead anywhere but below the archive's root.

    Raises:
        UnsafeArchive: names the member and the reason.
    """
    parts = name.rstrip("/").split("/")
    reasons = {
        "holds a control character": any(unicodedata.category(letter) == "Cc" for letter in name),
        "is an absolute path": name.startswith(("/", "\\")),
        "has a drive letter": bool(_DRIVE.match(name)),
        "holds a backslash": "\\" in name,
        "leads upwards": ".." in parts,
        "is not in its normal form": "" in parts or "." in parts or name.endswith("//"),
    }
    for reason, is_true in reasons.items():
        if is_true:
            expected = "a plain relative path"
            raise UnsafeArchive("member", repr(name), reason, expected, "Do not use this archive.")


def normal_name(name: str) -> str:
    """Return what `name` becomes on a file system that folds case and composes letters."""
    return name.lower() if name.isascii() else unicodedata.normalize("NFC", name).casefold()


def unpack(member: Member, span: Union[bytes, memoryview]) -> bytes:
    """Return a member's content from the archive's bytes that begin at its local header.

    No more is unpacked than the directory declares, and the CRC-32 is checked.

    Raises:
        CorruptArchive: the header disagrees with the directory, or the content is damaged.
        UnsafeArchive: the content is larger than declared.
    """
    if len(span) < LOCAL_HEADER_BYTES:
        raise _damaged(member, "is cut short", "a local header")
    fields = _LOCAL.unpack_from(span)
    start = LOCAL_HEADER_BYTES + fields[9]
    if fields[0] != b"PK\3\4" or bytes(span[LOCAL_HEADER_BYTES:start]) != member.raw_name:
        raise _damaged(member, "has another local header", "its own")
    start += fields[10]
    packed = span[start : start + member.compressed_size]
    if len(packed) != member.compressed_size or fields[3] != member.method:
        expected = f"{member.compressed_size} bytes by method {member.method}"
        raise _damaged(member, f"{len(packed)} bytes by method {fields[3]}", expected)
    content = bytes(packed) if member.method == STORED else _inflate(member, packed)
    if len(content) != member.size:
        raise _damaged(member, f"unpacks to {len(content)} bytes", f"{member.size} as declared")
    if zlib.crc32(content) != member.crc:
        raise _damaged(member, "has another CRC-32", f"{member.crc:08x}")
    return content


def _inflate(member: Member, packed: Union[bytes, memoryview]) -> bytes:
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = stream.decompress(packed, member.size + 1)
    except zlib.error as error:
        raise _damaged(member, f"cannot be unpacked ({error})", "a deflated stream") from error
    if len(content) > member.size:
        observed, expected = "unpacks to more than declared", f"{member.size} bytes"
        raise UnsafeArchive("member", repr(member.name), observed, expected, "Do not use this archive.")
    return content


def check_limit(reader: RangeReader, what: str, observed: float, limit: float) -> None:
    """Refuse an archive that asks for more than a limit.

    Raises:
        UnsafeArchive: it does.
    """
    if observed > limit:
        action = "Do not use this archive, or raise the limit knowingly."
        raise UnsafeArchive(
            "archive", reader.name, f"{observed:,.0f} {what}", f"at most {limit:,.0f}", action
        )


def _damaged(member: Member, observed: str, expected: str) -> CorruptArchive:
    return CorruptArchive("member", repr(member.name), observed, expected, "Fetch the archive again.")
