"""The catalog holds every patch once, whatever the archive holds twice or besides."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from archives import REAL_DATA, catalog_of, member, patients, picture, write_zip

from idc.converter.archive import Limits, unpack
from idc.converter.catalog import Refused, unreadable
from idc.converter.patches import DOUBLED_TREE
from idc.converter.ranges import FileRanges
from idc.errors import CorruptArchive, InputError, InvalidPatchName


def test_every_patch_is_found_once(tmp_path: Path) -> None:
    members = patients(3)
    doubled = {DOUBLED_TREE + name: content for name, content in list(members.items())[:5]}
    path = write_zip(tmp_path / "a.zip", {**doubled, **members})
    catalog = catalog_of(path)
    assert len(catalog) == 12
    assert catalog.doubled == 5
    assert catalog.counts() == {"100": (2, 2), "101": (2, 2), "102": (2, 2)}
    assert {catalog.patch(row).member for row in range(12)} == set(members)
    assert not any(catalog.rows["is_doubled"])


def test_a_row_leads_to_the_bytes(tmp_path: Path) -> None:
    members = patients(2)
    path = write_zip(tmp_path / "a.zip", members)
    catalog, reader = catalog_of(path), FileRanges(path)
    for row in range(len(catalog)):
        span = catalog.span(row)
        content = unpack(catalog.member(row), reader.read(span.start, span.end - span.start))
        assert content == members[catalog.patch(row).member]


def test_a_patch_only_in_the_doubled_tree_is_used(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {DOUBLED_TREE + name: data for name, data in patients(1).items()})
    catalog, reader = catalog_of(path), FileRanges(path)
    assert (len(catalog), catalog.doubled) == (4, 0)
    span = catalog.span(0)
    assert unpack(catalog.member(0), reader.read(span.start, span.end - span.start))


def test_a_double_with_other_bytes_is_a_conflict(tmp_path: Path) -> None:
    name = member(1, 0)
    path = write_zip(tmp_path / "a.zip", {name: picture(1, 1, 1), DOUBLED_TREE + name: picture(2, 2, 2)})
    with pytest.raises(CorruptArchive, match="another crc than its double") as conflict:
        catalog_of(path)
    assert DOUBLED_TREE + name in str(conflict.value)


def test_one_place_with_two_classes_is_a_conflict(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {member(1, 0): picture(1, 1, 1), member(1, 1): picture(1, 1, 1)})
    with pytest.raises(CorruptArchive, match="another label"):
        catalog_of(path)


def test_what_is_no_patch_is_refused_and_listed(tmp_path: Path) -> None:
    odd = {"readme.txt": b"hello", "__MACOSX/._x": b"x", "100/0/Thumbs.db": b"x", "100/": b"", "100/0/": b""}
    catalog = catalog_of(write_zip(tmp_path / "a.zip", {**odd, **patients(1)}))
    reason = "is neither PNG nor JPEG by its name"
    assert catalog.refused == [
        Refused(name, reason) for name in ("readme.txt", "__MACOSX/._x", "100/0/Thumbs.db")
    ]
    assert catalog.refused_count == 3


def test_wrong_names_are_told_together(tmp_path: Path) -> None:
    wrong = {f"100/0/holiday-{number}.png": b"" for number in range(25)}
    with pytest.raises(InvalidPatchName, match="25 members") as refusal:
        catalog_of(write_zip(tmp_path / "a.zip", {**patients(1), **wrong}))
    assert str(refusal.value).count("holiday") == 10


def test_an_archive_without_patches_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no patch in it"):
        catalog_of(write_zip(tmp_path / "a.zip", {"readme.txt": b"hello"}))


def test_why_a_patch_cannot_be_read(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {member(1, 0): picture(1, 1, 1)}, zipfile.ZIP_LZMA)
    assert unreadable(catalog_of(path).member(0), Limits()) == "is packed by method 14, expected 0 or 8"
    found = catalog_of(path).member(0)._replace(method=8)
    assert unreadable(found, Limits()) == ""
    assert unreadable(found._replace(is_encrypted=True), Limits()) == "is encrypted"
    assert "expected at most 10" in unreadable(found, Limits(patch_bytes=10))


@pytest.mark.parametrize(
    ("name", "patches", "people", "doubled"),
    [("idc-mini.zip", 646, 12, 65), ("idc-dev.zip", 23_718, 200, 1_378)],
)
def test_the_real_archives(name: str, patches: int, people: int, doubled: int) -> None:
    path = REAL_DATA / name
    if not path.exists():
        pytest.skip(f"{name} is not on this machine")
    catalog = catalog_of(path)
    assert (len(catalog), len(catalog.patients), catalog.doubled) == (patches, people, doubled)
    assert catalog.refused_count == 0
