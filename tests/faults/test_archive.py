"""Hostile and damaged archives: each is refused by name, or its bad patches are set aside and listed."""

from __future__ import annotations

import io
import random
import struct
import zlib
from pathlib import Path

import pytest
from archives import catalog_of, member, patients, picture, write_zip
from PIL import Image

from idc.converter.archive import Limits
from idc.converter.conversion import ConversionSettings
from idc.converter.cutting import CutShard, cut_shard
from idc.converter.plan import make_plan
from idc.converter.quality import Quality
from idc.converter.ranges import FileRanges
from idc.converter.records.shards import plan_shards
from idc.converter.split import check_leakage, rows_of
from idc.errors import CorruptArchive, InvalidPatchName, LeakageError, TooManyQuarantined, UnsafeArchive

GOOD = patients(4, 10)


def cut(path: Path, limits: Limits | None = None) -> CutShard:
    """Convert everything of an archive into one shard."""
    reader, catalog = FileRanges(path), catalog_of(path)
    (shard,) = plan_shards(catalog, dict.fromkeys(catalog.patients, "train"), 1, 32 << 20)
    return cut_shard(reader, catalog, shard, 1, limits or Limits())


def raw_zip(path: Path, members: list[tuple[bytes, bytes]], **lies: int) -> Path:
    """An archive with names of any bytes, deflated, and directory fields that may lie (`size`, `crc`)."""
    body, directory = b"", b""
    for name, content in members:
        packed = zlib.compress(content, 9)[2:-4]
        crc, size = lies.get("crc", zlib.crc32(content)), lies.get("size", len(content))
        fields = (20, 0x800, 8, 0, 33, crc, len(packed), size, len(name), 0)
        offset = lies.get("offset", len(body))
        directory += struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, *fields, 0, 0, 0, 0, offset) + name
        body += struct.pack("<4s5H3L2H", b"PK\3\4", *fields) + name + packed
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, len(members), len(members), len(directory), len(body), 0)
    path.write_bytes(body + directory + end)
    return path


# 1 and 2: names


@pytest.mark.parametrize(
    "name",
    [b"../x.png", b"1/../../x.png", b"/etc/x.png", b"C:\\x.png", b"c:/x.png", b"x\0.png", b"1\\0\\x.png"],
)
def test_1_a_name_that_leads_out_is_refused(tmp_path: Path, name: bytes) -> None:
    path = raw_zip(tmp_path / "a.zip", [(b"100/0/", b""), (name, b"x")])
    with pytest.raises(UnsafeArchive) as refusal:
        catalog_of(path)
    assert repr(name.decode()) in str(refusal.value)
    assert [found.name for found in tmp_path.iterdir()] == ["a.zip"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (member(100, 0, 60), member(100, 0, 60)),
        (member(100, 0, 60), member(100, 0, 60).upper()),
        (member(100, 0, 60), member(100, 0, 60).replace("/0/", "/0/./")),
        (member(100, 0, 60), member(100, 0, 60).replace("/", "//")),
        ("notes.txt", "Notes.TXT"),
        ("caf\u00e9.txt", "cafe\u0301.txt"),
        ("notes.txt", "notes.txt/"),
    ],
)
def test_2_two_members_that_are_one_path_are_refused(tmp_path: Path, first: str, second: str) -> None:
    pairs = [*GOOD.items(), (first, b"first"), (second, b"second")]
    path = raw_zip(tmp_path / "a.zip", [(name.encode(), content) for name, content in pairs])
    with pytest.raises(UnsafeArchive) as refusal:
        catalog_of(path)
    assert repr(second) in str(refusal.value)


# 3: bombs


@pytest.mark.parametrize(
    ("limits", "observed"),
    [
        (Limits(members=39), "40 members, expected at most 39"),
        (Limits(total_bytes=5000), "unpacked bytes, expected at most 5,000"),
    ],
)
def test_3_more_than_the_limits_is_refused_before_anything_is_unpacked(
    tmp_path: Path, limits: Limits, observed: str
) -> None:
    with pytest.raises(UnsafeArchive, match=observed):
        catalog_of(write_zip(tmp_path / "a.zip", GOOD), limits)


def test_3_a_ratio_no_image_has_is_refused(tmp_path: Path) -> None:
    bomb = {f"{number}.bin": bytes(1 << 20) for number in range(5)}
    with pytest.raises(UnsafeArchive, match="times its size unpacked, expected at most 20"):
        catalog_of(write_zip(tmp_path / "a.zip", {**GOOD, **bomb}))


def test_3_members_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    """The bomb of overlapping members: https://www.bamsoftware.com/hacks/zipbomb/."""
    members = [(member(100, 0, number).encode(), picture(1, 2, 3)) for number in range(9)]
    with pytest.raises(UnsafeArchive, match="8 members lie over others"):
        catalog_of(raw_zip(tmp_path / "a.zip", members, offset=0))


def test_3_a_header_that_lies_about_the_size_is_found_while_unpacking(tmp_path: Path) -> None:
    path = raw_zip(tmp_path / "a.zip", [(member(100, 0).encode(), bytes(50 << 20))], size=3000)
    with pytest.raises(UnsafeArchive, match="unpacks to more than declared, expected 3000 bytes"):
        cut(path)


def test_3_a_patch_of_megabytes_is_set_aside_unread(tmp_path: Path) -> None:
    huge = {member(100, 0, 99): random.Random(1).randbytes(2 << 20)}
    (refused,) = cut(write_zip(tmp_path / "a.zip", {**GOOD, **huge})).quality.quarantined
    assert refused.member == member(100, 0, 99)
    assert refused.reason.endswith("bytes, expected at most 1048576")


# 4: damage


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.99, 0.9999])
def test_4_a_truncated_archive_is_refused(tmp_path: Path, share: float) -> None:
    path = write_zip(tmp_path / "a.zip", GOOD)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(CorruptArchive):
        catalog_of(path)


def test_4_a_wrong_crc_names_the_member(tmp_path: Path) -> None:
    path = raw_zip(tmp_path / "a.zip", [(member(100, 0).encode(), picture(1, 2, 3))], crc=1)
    with pytest.raises(CorruptArchive, match=r"10\d.*another CRC-32, expected 00000001"):
        cut(path)


def test_4_a_flipped_bit_anywhere_is_found(tmp_path: Path) -> None:
    """The archive is refused, or the patch is and is listed, or the bit is one that no reader uses."""
    path = write_zip(tmp_path / "a.zip", GOOD)
    whole = path.read_bytes()
    records = bytes(cut(path).writer.files()[".rec"])
    for position in random.Random(1).sample(range(len(whole)), 400):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x10]) + whole[position + 1 :])
        try:
            found = cut(path)
        except (CorruptArchive, UnsafeArchive, InvalidPatchName):
            continue
        is_told = found.quality.quarantined_count or catalog_of(path).refused_count
        assert is_told or bytes(found.writer.files()[".rec"]) == records, position


# 5 and 6: images


def test_5_a_png_that_claims_to_be_huge_is_refused_from_its_header(tmp_path: Path) -> None:
    fields = struct.pack(">2I5B", 60_000, 60_000, 8, 2, 0, 0, 0)
    crc = struct.pack(">I", zlib.crc32(b"IHDR" + fields))
    claim = picture(1, 2, 3)[:16] + fields + crc + picture(1, 2, 3)[33:]
    found = cut(write_zip(tmp_path / "a.zip", {**GOOD, member(100, 0, 99): claim})).quality
    assert found.quarantined[0].reason == "is 60000×60000, expected at most 50×50"


def test_6_only_rgb_in_png_and_jpeg_gets_in(tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (50, 50)).save(stream, "BMP")
    bad = [
        b"<svg/>",
        b"text",
        stream.getvalue(),
        picture(1, 2, 3)[:60],
        picture(1, 2, 3, 4, mode="CMYK", kind="JPEG"),
    ]
    bad += [picture(1, 2, 3, size=(64, 64)), picture(9, mode="L"), b""]
    members = {member(100, 0, 90 + number): content for number, content in enumerate(bad)}
    found = cut(write_zip(tmp_path / "a.zip", {**GOOD, **members})).quality
    assert {refused.member for refused in found.quarantined} == set(members)
    assert all(refused.reason.startswith("is ") for refused in found.quarantined)
    assert found.patches_used == len(GOOD)


def test_6_more_than_a_thousandth_fails_the_run() -> None:
    quality = Quality()
    for number in range(3):
        quality.quarantine(member(100, 0, number), "is cut short")
    quality.check(3000, ConversionSettings().quarantine_limit)
    with pytest.raises(TooManyQuarantined, match="3 of 2999"):
        quality.check(2999, ConversionSettings().quarantine_limit)


# 7: names that say the wrong thing


def test_7_wrong_names_are_one_error_with_the_first_ten_and_their_number(tmp_path: Path) -> None:
    wrong = [f"100/0/photo{number}.png" for number in range(9)]
    wrong += [member(100, 1, 7).replace("class1", "class2"), member(100, 1, 8).replace("/1/", "/0/")]
    wrong += [member(100, 1, 9).replace("100/", "101/")]
    with pytest.raises(InvalidPatchName, match="12 members are not named as patches") as refusal:
        catalog_of(write_zip(tmp_path / "a.zip", {**GOOD, **dict.fromkeys(wrong, b"x")}))
    text = str(refusal.value)
    assert all(repr(name) in text for name in wrong[:10])
    assert not any(repr(name) in text for name in wrong[10:])


# 8 and 9: leakage


def test_8_a_patient_on_two_sides_or_a_side_with_one_class_is_leakage() -> None:
    counts = {"1": (5, 5), "2": (5, 5), "3": (5, 5)}
    rows = rows_of({"1": "train", "2": "validation", "3": "test"}, counts)
    check_leakage(rows)
    with pytest.raises(LeakageError, match="patient 3: in train and in test"):
        check_leakage([rows[2]._replace(split="train"), *rows])
    with pytest.raises(LeakageError, match="split test"):
        check_leakage([*rows[:2], rows[2]._replace(class1=0)])


def test_9_patients_with_an_identical_image_stay_together_and_are_reported(tmp_path: Path) -> None:
    twins = {member(100, 0, 99): picture(8, 8, 8), member(103, 1, 99): picture(8, 8, 8)}
    path = write_zip(tmp_path / "a.zip", {**patients(9, 10), **twins})
    for seed in range(10):
        plan = make_plan(FileRanges(path), ConversionSettings(seed=seed), Limits())
        assert plan.sides["100"] == plan.sides["103"]
        assert [set(group) for group in plan.identical] == [set(twins)]
