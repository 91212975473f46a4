"""The walk finds what zipfile finds, and unpacking gives the same bytes."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from idc.converter.archive import Limits, check_name, normal_name, unpack, walk
from idc.converter.directory import Member, find_directory
from idc.converter.ranges import FileRanges
from idc.errors import CorruptArchive, UnsafeArchive


class Bytes:
    """Ranges of bytes in memory."""

    def __init__(self, content: bytes) -> None:
        self.name, self.content, self.size = "memory", content, len(content)

    def read(self, offset: int, size: int) -> bytes:
        if offset < 0 or offset + size > self.size:
            raise CorruptArchive("archive", self.name, "out of bounds", "a range inside it", "Mend it.")
        return self.content[offset : offset + size]


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> Bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.comment = comment
        for name, content in members.items():
            archive.writestr(name, content)
    return Bytes(stream.getvalue())


def unpacked(reader: Bytes, member: Member) -> bytes:
    return unpack(member, memoryview(reader.content)[member.offset :])


names = st.from_regex(r"[a-zA-Z0-9äé_]{1,8}(/[a-zA-Z0-9_]{1,8}){0,2}", fullmatch=True)
contents = st.dictionaries(names, st.binary(max_size=300), max_size=8)


@given(
    members=contents, method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]), comment=st.binary()
)
def test_members_are_those_of_zipfile(members: dict[str, bytes], method: int, comment: bytes) -> None:
    reader = zipped(members, method, comment + b"PK\5\6" + comment)
    found = {member.name: unpacked(reader, member) for member in walk(reader, Limits())}
    assert found == members


def test_the_archive_may_be_streamed_with_data_descriptors() -> None:
    stream = io.BytesIO()
    stream.seekable = lambda: False  # type: ignore[method-assign]
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", b"first" * 50)
        archive.writestr("b.png", b"second" * 50)
    reader = Bytes(stream.getvalue())
    assert [unpacked(reader, member) for member in walk(reader, Limits())] == [b"first" * 50, b"second" * 50]


def test_more_members_than_sixteen_bits_can_count(tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(66_000):
            archive.writestr(zipfile.ZipInfo(f"{number}"), b"")
    reader = FileRanges(path)
    assert find_directory(reader).members == 66_000
    assert [member.name for member in walk(reader, Limits())][-1] == "65999"


def test_a_member_beyond_four_gigabytes() -> None:
    """Sizes and offset move to the Zip64 extra field when they do not fit into 32 bits."""
    extra = struct.pack("<HHBHHQQQ", 7, 1, 0, 1, 24, 5 << 32, 6 << 32, 7 << 32)
    entry = struct.pack(
        "<4s6H3L5H2L",
        b"PK\1\2",
        45,
        45,
        0,
        0,
        0,
        0,
        9,
        *[0xFFFFFFFF] * 2,
        1,
        len(extra),
        *[0] * 4,
        0xFFFFFFFF,
    )
    directory = entry + b"a" + extra
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(directory), 0, 0)
    reader = Bytes(directory + end)
    found = next(walk(reader, Limits(total_bytes=1 << 60)))
    assert found == Member("a", b"a", 7 << 32, 6 << 32, 5 << 32, 9, 0, False)


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "a/../../x",
        "/x",
        "\\x",
        "a\\b",
        "C:/x",
        "c:x",
        "a\0b",
        "a\nb",
        "a//b",
        "./a",
        "a/./b",
        "//",
        "",
        ".",
    ],
)
def test_an_unsafe_name_is_refused(name: str) -> None:
    with pytest.raises(UnsafeArchive) as refusal:
        check_name(name)
    assert repr(name) in str(refusal.value)


@pytest.mark.parametrize(
    "name", ["a", "a/", "a..b", "...", "ä/ö.png", "10253/0/x.png", "__MACOSX/._x", "a b"]
)
def test_an_odd_name_may_be_safe(name: str) -> None:
    check_name(name)


def test_names_that_a_file_system_takes_for_one() -> None:
    assert normal_name("A/É.PNG") == normal_name("a/é.png") == normal_name("a/e\u0301.png")


@given(st.integers(0, 400), st.integers(0, 255))
def test_a_changed_byte_never_goes_unnoticed(position: int, value: int) -> None:
    """Either the archive is refused, or its content is the same."""
    members = {"a.png": random.Random(1).randbytes(100), "b.png": b"b" * 200}
    whole = zipped(members).content
    position %= len(whole)
    reader = Bytes(whole[:position] + bytes([value]) + whole[position + 1 :])
    try:
        found = {member.name: unpacked(reader, member) for member in walk(reader, Limits())}
    except (CorruptArchive, UnsafeArchive):
        return
    assert set(found.values()) == set(members.values())


@given(st.integers(0, 400))
def test_a_cut_archive_is_refused(size: int) -> None:
    whole = zipped({"a.png": random.Random(1).randbytes(100), "b.png": b"b" * 200}).content
    reader = Bytes(whole[: min(size, len(whole) - 1)])
    with pytest.raises(CorruptArchive):
        list(walk(reader, Limits()))


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("<html>Please log in</html>")
    with pytest.raises(CorruptArchive, match="no end of a central directory"):
        find_directory(FileRanges(path))
