"""A cut shard holds every good patch of its plan once, and a reason for every other."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from archives import catalog_of, member, patients, picture, write_zip

from idc.converter.archive import Limits
from idc.converter.catalog import Refused
from idc.converter.cutting import CutShard, cut_shard
from idc.converter.ranges import FileRanges
from idc.converter.records.recordio import NAMES, RECORDS, read_records
from idc.converter.records.shards import plan_shards
from idc.errors import CorruptArchive
from idc.layout import SPLITS


def cut(path: Path, limits: Limits | None = None) -> CutShard:
    """Everything in one shard."""
    catalog = catalog_of(path)
    sides = dict.fromkeys(catalog.patients, SPLITS[0])
    (shard,) = plan_shards(catalog, sides, 1, 32 << 20)
    return cut_shard(FileRanges(path), catalog, shard, 1, limits or Limits())


def test_images_pass_byte_for_byte(tmp_path: Path) -> None:
    members = patients(3, 6)
    found = cut(write_zip(tmp_path / "a.zip", members))
    files = found.writer.files()
    names = [line.split("\t")[2] for line in files[NAMES].decode().splitlines()]
    records = list(read_records(files[RECORDS], "a"))
    by_name = {name.split("/")[-1]: content for name, content in members.items()}
    assert {names[record.number]: record.image for record in records} == by_name
    assert all(names[record.number].endswith(f"class{record.label}.png") for record in records)
    assert found.counts == {"100": [3, 3], "101": [3, 3], "102": [3, 3]}
    assert (found.quality.patches_read, found.quality.patches_used) == (18, 18)


def test_padded_and_quarantined_patches_are_counted(tmp_path: Path) -> None:
    bad = {member(100, 0, 90): b"<svg/>", member(100, 1, 91): picture(1, 2, 3, size=(51, 50))}
    small = {
        member(100, 0, 92): picture(1, 2, 3, size=(50, 42)),
        member(100, 1, 93): picture(4, 5, 6, size=(9, 50)),
    }
    found = cut(write_zip(tmp_path / "a.zip", {**patients(1), **bad, **small}))
    assert found.quality.quarantined == [
        Refused(member(100, 0, 90), "is neither PNG nor JPEG"),
        Refused(member(100, 1, 91), "is 51×50, expected at most 50×50"),
    ]
    assert found.quality.padded == 2
    assert found.quality.sizes == {"50x42": 1, "9x50": 1}
    assert (len(found.writer), found.quality.patches_read, found.quality.patches_used) == (6, 8, 6)


def test_edge_patches_can_be_left_out(tmp_path: Path) -> None:
    small = {member(100, 0, 92): picture(1, 2, 3, size=(50, 42))}
    path = write_zip(tmp_path / "a.zip", {**patients(1), **small})
    catalog = catalog_of(path)
    (shard,) = plan_shards(catalog, {"100": SPLITS[1]}, 1, 32 << 20)
    found = cut_shard(
        FileRanges(path), catalog, shard, 1, Limits(), edge_patches="exclude", raw_formats=["image"]
    )
    assert (found.quality.excluded, found.quality.padded, found.quality.quarantined_count) == (1, 0, 0)
    assert found.quality.sizes == {"50x42": 1}
    assert set(found.writers) == {"recordio", "tfrecord", "payload", "image"}
    assert {len(writer) for writer in found.writers.values()} == {4}


def test_patches_with_damaged_pixels_stay_out(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", patients(1))
    name = member(100, 0, 0).rpartition("/")[2]
    catalog = catalog_of(path)
    (shard,) = plan_shards(catalog, dict.fromkeys(catalog.patients, SPLITS[0]), 1, 32 << 20)
    found = cut_shard(FileRanges(path), catalog, shard, 1, Limits(), damaged={name: "is torn"})
    assert found.quality.quarantined == [Refused(member(100, 0, 0), "is torn")]
    assert name.encode() not in found.writer.files()[NAMES]
    assert (len(found.writer), found.quality.patches_read, found.quality.patches_used) == (3, 4, 3)


def test_what_must_not_be_unpacked_is_not_read(tmp_path: Path) -> None:
    huge = {member(100, 0, 90): picture(1, 2, 3) + bytes(5000)}
    found = cut(write_zip(tmp_path / "a.zip", {**patients(1), **huge}), Limits(patch_bytes=4000))
    assert [refused.member for refused in found.quality.quarantined] == [member(100, 0, 90)]


def test_an_unknown_packing_is_quarantined(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", patients(1), zipfile.ZIP_BZIP2)
    assert cut(path).quality.quarantined_count == 4


def test_a_damaged_member_is_named(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", patients(1), zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[content.index(b"IDAT") + 8] ^= 1
    path.write_bytes(content)
    with pytest.raises(CorruptArchive, match=member(100, 0, 0)):
        cut(path)
