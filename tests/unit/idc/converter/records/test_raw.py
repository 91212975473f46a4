"""The two raw-image forms of the built-in algorithm name every image, and MXNet reads the list."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from archives import picture
from oracles import ask, save

from idc.converter.records.raw import LIST, RawImageWriter, augmented_manifest, image_list, read_rows, verify
from idc.converter.records.recordio import NAMES, RecordIOWriter
from idc.errors import CorruptShard

ROWS = [(1, "10253_idx5_x1_y1_class1.png"), (0, "10253_idx5_x51_y1_class0.png")]
# The labels and pixels that MXNet finds through the list.
ORACLE = """
import json, sys
import mxnet as mx
options = {"path_imglist": sys.argv[1] + "/train.lst", "path_root": sys.argv[1] + "/train"}
batch = next(mx.image.ImageIter(2, (3, 50, 50), aug_list=[], **options))
print(json.dumps([batch.label[0].asnumpy().tolist(), batch.data[0][:, :, 7, 9].asnumpy().tolist()]))
"""


def write() -> RawImageWriter:
    writer = RawImageWriter()
    for number, (label, name) in enumerate(ROWS):
        writer.append(label, name, picture(number, 20, 30))
    assert len(writer) == len(ROWS)
    return writer


def test_mxnet_reads_images_by_the_list(tmp_path: Path) -> None:
    writer = write()
    (tmp_path / "train").mkdir()
    save(writer.files(), tmp_path / "train", stem="")
    save({LIST: image_list(writer.rows)}, tmp_path, stem="train")
    assert ask("mxnet", ORACLE, tmp_path) == [[1.0, 0.0], [[0.0, 20.0, 30.0], [1.0, 20.0, 30.0]]]


def test_the_augmented_manifest_is_one_object_a_line() -> None:
    lines = augmented_manifest(ROWS, "s3://b/image/train/").decode().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"source-ref": f"s3://b/image/train/{name}", "class": label} for label, name in ROWS
    ]


def test_the_rows_are_those_of_the_recordio_shard() -> None:
    writer = RecordIOWriter()
    for label, name in ROWS:
        writer.append(label, name, b"image")
    files = writer.files()
    assert read_rows(files, "a") == ROWS
    for broken in (b"1\t1\ta.png\n", b"0\t2\ta.png\n", b"0\t1\n", b"\xff"):
        with pytest.raises(CorruptShard, match="in its list"):
            read_rows({**files, NAMES: broken}, "a")


def test_what_does_not_agree_is_found() -> None:
    images, listed = write().files(), image_list(ROWS)
    verify(images, "train", ROWS, listed)
    with pytest.raises(CorruptShard, match="a list of other images"):
        verify(images, "train", ROWS, image_list(ROWS[::-1]))
    with pytest.raises(CorruptShard, match=f"1 images, {ROWS[0][1]} missing"):
        verify({ROWS[1][1]: images[ROWS[1][1]]}, "train", ROWS, listed)
    with pytest.raises(CorruptShard, match="3 images, none missing"):
        verify({**images, "other.png": b"x"}, "train", ROWS, listed)
