"""Our RecordIO is MXNet's, byte for byte, and damage is found."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from archives import picture
from hypothesis import given, strategies as st
from oracles import ask, save

from idc.converter.records.recordio import (
    NAMES,
    OFFSETS,
    RECORDS,
    Buffer,
    RecordIOWriter,
    read_records,
    verify,
)
from idc.errors import CorruptShard

MAGIC = struct.pack("<I", 0xCED7230A)
# Writes the images given in hexadecimal as MXNet does, and tells what MXNet reads of ours.
ORACLE = """
import json, sys
import mxnet as mx
folder, images = sys.argv[1], [(label, bytes.fromhex(image)) for label, image in json.load(sys.stdin)]
theirs = mx.recordio.MXIndexedRecordIO(folder + "/theirs.idx", folder + "/theirs.rec", "w")
for index, (label, image) in enumerate(images):
    theirs.write_idx(index, mx.recordio.pack(mx.recordio.IRHeader(0, label, index, 0), image))
theirs.close()
ours = mx.recordio.MXIndexedRecordIO(folder + "/ours.idx", folder + "/ours.rec", "r")
found = [mx.recordio.unpack(ours.read_idx(index)) for index in reversed(range(len(images)))][::-1]
print(json.dumps([[header.label, header.id, image.hex()] for header, image in found]))
"""
# The pixels MXNet's own iterator, which trains, decodes from our shard.
ITERATOR = """
import json, sys
import mxnet as mx
ours = sys.argv[1] + "/ours"
answers = []
for files in ({}, {"path_imgidx": ours + ".idx"}, {"path_imglist": ours + ".lst"}):
    options = {"data_shape": (3, 50, 50), "batch_size": 4, "preprocess_threads": 1}
    batch = next(mx.io.ImageRecordIter(path_imgrec=ours + ".rec", **options, **files))
    answers.append([batch.label[0].asnumpy().tolist(), batch.data[0][:, :, 7, 9].asnumpy().tolist()])
print(json.dumps(answers))
"""

aligned_with_magic = st.lists(st.one_of(st.just(MAGIC), st.binary(min_size=4, max_size=4)), max_size=8).map(
    b"".join
)
payloads = st.one_of(
    st.binary(max_size=60),
    aligned_with_magic,
    st.builds(
        lambda start, middle, end: start + middle + end,
        st.binary(max_size=5),
        aligned_with_magic,
        st.binary(max_size=5),
    ),
)
images = st.lists(st.tuples(st.sampled_from([0, 1]), payloads), max_size=6)


def write(pairs: list[tuple[int, bytes]]) -> dict[str, Buffer]:
    writer = RecordIOWriter()
    for number, (label, image) in enumerate(pairs):
        writer.append(label, f"{number}.png", image)
    assert len(writer) == len(pairs)
    return writer.files()


@given(images)
def test_records_are_read_as_they_were_written(pairs: list[tuple[int, bytes]]) -> None:
    files = write(pairs)
    assert [(record.label, record.image) for record in read_records(files[RECORDS], "a")] == pairs
    verify(files, "a", len(pairs))


def test_bytes_are_those_of_mxnet_both_ways(tmp_path: Path) -> None:
    """Whole records, and payloads with the magic at and off a multiple of four bytes, once and repeatedly."""
    shifts = [
        bytes(range(shift)) + MAGIC * repeats + tail
        for shift in range(9)
        for repeats in (1, 2, 3)
        for tail in (b"", b"x", MAGIC[:3])
    ]
    pairs = [
        (number % 2, image)
        for number, image in enumerate([picture(1, 2, 3), b"", b"a", bytes(1 << 16), *shifts])
    ]
    files = write(pairs)
    save(files, tmp_path)
    answer = ask("mxnet", ORACLE, tmp_path, [(label, image.hex()) for label, image in pairs])
    assert (tmp_path / "theirs.rec").read_bytes() == files[RECORDS]
    assert (tmp_path / "theirs.idx").read_bytes() == files[OFFSETS]
    assert answer == [[float(label), index, image.hex()] for index, (label, image) in enumerate(pairs)]


def test_mxnet_trains_on_the_same_pixels_and_labels(tmp_path: Path) -> None:
    colours = [(10, 20, 30), (200, 100, 50), (0, 0, 0), (255, 254, 253)]
    save(write([(number % 2, picture(*colour)) for number, colour in enumerate(colours)]), tmp_path)
    expected = [[0.0, 1.0, 0.0, 1.0], [list(map(float, colour)) for colour in colours]]
    assert ask("mxnet", ITERATOR, tmp_path) == [expected] * 3, "by .rec, with .idx, with .lst"


def test_the_list_names_every_record() -> None:
    writer = RecordIOWriter()
    writer.append(1, "10253_idx5_x1_y1_class1.png", b"a")
    writer.append(0, "10253_idx5_x51_y1_class0.png", b"b")
    expected = b"0\t1\t10253_idx5_x1_y1_class1.png\n1\t0\t10253_idx5_x51_y1_class0.png\n"
    assert writer.files()[NAMES] == expected


@given(pairs=images.filter(bool), data=st.data())
def test_a_cut_shard_is_found(pairs: list[tuple[int, bytes]], data: st.DataObject) -> None:
    files = write(pairs)
    files[RECORDS] = files[RECORDS][: data.draw(st.integers(0, len(files[RECORDS]) - 1))]
    with pytest.raises(CorruptShard, match="part-00003"):
        verify(files, "part-00003", len(pairs))


@pytest.mark.parametrize(
    ("suffix", "old", "new"),
    [
        (OFFSETS, b"1\t", b"2\t"),
        (OFFSETS, b"0\t0\n", b""),
        (OFFSETS, b"\t0", b"\t4"),
        (NAMES, b"0\t0", b"0\t1"),
        (NAMES, b"1\t1\t", b"\xff"),
        (RECORDS, MAGIC, b"GIMC"),
        (RECORDS, struct.pack("<f", 1), struct.pack("<f", 2)),
        (RECORDS, struct.pack("<IfQ", 0, 1, 1), struct.pack("<IfQ", 0, 1, 9)),
        (RECORDS, struct.pack("<IfQ", 0, 1, 1), struct.pack("<IfQ", 2, 1, 1)),
    ],
)
def test_files_that_disagree_are_found(suffix: str, old: bytes, new: bytes) -> None:
    files = write([(0, b"first"), (1, b"second")])
    content = bytes(files[suffix])
    assert old in content
    files[suffix] = content.replace(old, new, 1)
    with pytest.raises(CorruptShard, match="part-00003"):
        verify(files, "part-00003", 2)


def test_too_many_records_are_found() -> None:
    files = write([(0, b"first"), (1, b"second")])
    longer = write([(0, b"first"), (1, b"second"), (0, b"third")])
    with pytest.raises(CorruptShard, match="3 records, expected 2"):
        verify({**files, RECORDS: longer[RECORDS]}, "a", 2)


def test_a_record_that_is_no_image_is_found() -> None:
    with pytest.raises(CorruptShard, match="a record of 3 bytes"):
        list(read_records(MAGIC + struct.pack("<I", 3) + b"abc\0", "a"))


def test_a_continuation_without_a_beginning_is_found() -> None:
    for flag in (2, 3):
        with pytest.raises(CorruptShard, match="damaged record"):
            list(read_records(MAGIC + struct.pack("<I", flag << 29), "a"))
