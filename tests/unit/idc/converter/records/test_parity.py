"""Shards of different formats are told apart whenever their patches differ."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st

from idc.converter.records.parity import check_payload, check_tfrecord, read_patches
from idc.converter.records.payload import PayloadWriter
from idc.converter.records.recordio import NAMES, Buffer, RecordIOWriter
from idc.converter.records.tfrecord import TFRecordWriter
from idc.errors import CorruptShard

Patch = tuple[int, str, bytes]
Check = Callable[[dict[str, Buffer], dict[str, Buffer], str], int]

MAGIC = struct.pack("<I", 0xCED7230A)
PATCHES = [(0, "a.png", b"first"), (1, "b.png", MAGIC + b"second"), (0, "c.png", b"")]
FORMATS = [(TFRecordWriter, check_tfrecord), (PayloadWriter, check_payload)]
patches = st.lists(
    st.tuples(st.sampled_from([0, 1]), st.text("ab_1", min_size=1, max_size=9), st.binary(max_size=40)),
    max_size=6,
)


def write(kind: type, given_patches: list[Patch]) -> dict[str, Buffer]:
    writer = kind()
    for patch in given_patches:
        writer.append(*patch)
    return dict(writer.files())


@pytest.mark.parametrize(("kind", "check"), FORMATS)
@given(given_patches=patches)
def test_the_same_patches_agree(kind: type, check: Check, given_patches: list[Patch]) -> None:
    ours, theirs = write(RecordIOWriter, given_patches), write(kind, given_patches)
    assert check(ours, theirs, "a") == len(given_patches)


@pytest.mark.parametrize(("kind", "check"), FORMATS)
@pytest.mark.parametrize(
    "others",
    [
        [*PATCHES[1:], PATCHES[0]],
        PATCHES[:-1],
        [*PATCHES, PATCHES[0]],
        [PATCHES[0], (1, "b.png", MAGIC + b"sekond"), PATCHES[2]],
    ],
)
def test_other_images_are_found(kind: type, check: Check, others: list[Patch]) -> None:
    with pytest.raises(CorruptShard, match=r"part-00003.* as in RecordIO"):
        check(write(RecordIOWriter, PATCHES), write(kind, others), "part-00003")


@pytest.mark.parametrize("other", [(1, "a.png", b"first"), (0, "z.png", b"first")])
def test_another_label_or_name_is_found(other: Patch) -> None:
    ours = write(RecordIOWriter, PATCHES)
    with pytest.raises(CorruptShard, match=f"{other[1]} of label {other[0]}, 5 bytes as patch 0"):
        check_tfrecord(ours, write(TFRecordWriter, [other, *PATCHES[1:]]), "part-00003")


def test_a_list_of_other_records_is_found() -> None:
    ours = write(RecordIOWriter, PATCHES)
    for names in (b"0\t0\ta.png\n", b"0\t1\ta.png\n", b"".join([bytes(ours[NAMES]), b"3\t0\td.png\n"])):
        with pytest.raises(CorruptShard, match="for every line of the list"):
            list(read_patches({**ours, NAMES: names}, "a"))
