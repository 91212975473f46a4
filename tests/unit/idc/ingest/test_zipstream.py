"""The streamed archive is one that zipfile reads, Zip64 included."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from archives import patients

from idc.converter.archive import Limits, unpack
from idc.converter.cataloguing import read_catalog
from idc.converter.ranges import FileRanges
from idc.ingest.zipstream import ZipStream


def written(members: list[tuple[str, bytes]]) -> io.BytesIO:
    with ZipStream() as archive:
        blocks = [archive.member(name, content) for name, content in members]
        return io.BytesIO(b"".join([*blocks, *archive.end()]))


@pytest.mark.parametrize("count", [0, 1, 70_000])
def test_zipfile_reads_what_was_written(count: int) -> None:
    members = [(f"a/{number}", b"%d" % number) for number in range(count)]
    with zipfile.ZipFile(written(members)) as found:
        assert found.namelist() == [name for name, _ in members]
        for name, content in members[:: max(count // 50, 1)]:
            assert found.read(name) == content


def test_patches_are_found_and_read_behind_more_members_than_16_bits_count(tmp_path: Path) -> None:
    members = [*((f"a/{number}", b"") for number in range(70_000)), *patients(2).items()]
    (tmp_path / "a.zip").write_bytes(written(members).getvalue())
    reader = FileRanges(tmp_path / "a.zip")
    catalog = read_catalog(reader, Limits())
    rows = range(len(catalog))
    found = {
        member.name: unpack(member, reader.read(span.start, span.end - span.start))
        for member, span in zip(catalog.members(rows), catalog.spans(rows), strict=True)
    }
    assert found == patients(2)


def test_a_member_beyond_four_gigabytes() -> None:
    with ZipStream() as archive:
        archive._offset = 5 << 30
        archive.member("far", b"content")
        directory = b"".join(archive.end())
    assert b"PK\6\6" in directory
    assert (5 << 30).to_bytes(8, "little") in directory


def test_a_member_too_large_for_one_block_is_refused() -> None:
    with ZipStream() as archive, pytest.raises(ValueError, match="65536 bytes"):
        archive.member("a", bytes(65_536))
