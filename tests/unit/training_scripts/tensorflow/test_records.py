"""records.py: shards as arrays, and a reason for what is no shard."""

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

Drive = Callable[..., Any]


def _png(height: int = 50, kind: str = "PNG", mode: str = "RGB") -> str:
    pixels = np.random.default_rng(0).integers(0, 256, (height, 50, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, kind)
    return base64.b64encode(file.getvalue()).decode()


def test_reads_every_patch_in_the_order_of_the_shards(drive: Drive, shards: Path) -> None:
    split = drive("read", folder=shards / "validation")
    assert len(split["names"]) == len(split["images"]) == 64
    assert split["names"][0] == "110_idx5_x1_y1_class0.png"
    assert split["names"][32] == "110_idx5_x51_y1_class0.png"
    assert split["labels"] == [int(name[-5]) for name in split["names"]]


def test_pixels_are_those_of_the_images_with_small_ones_padded_white(drive: Drive, shards: Path) -> None:
    split = drive("read", folder=shards / "train")
    pixels = np.frombuffer(base64.b64decode(split["pixels"]), np.uint8).reshape(-1, 50, 50, 3)
    for found, encoded in zip(pixels, split["images"], strict=True):
        expected = np.full((50, 50, 3), 255, np.uint8)
        image = np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))))
        expected[: image.shape[0]] = image
        np.testing.assert_array_equal(found, expected)
    assert (pixels[5, 42:] == 255).all()


def test_what_is_no_split_is_refused_with_a_reason(drive: Drive, shards: Path, tmp_path: Path) -> None:
    whole = (shards / "train" / "part-00000.tfrecord").read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    contents = {
        "a flipped bit": (bytes(flipped), "expected TFRecord"),
        "cut short": (whole[:-7], "expected TFRecord"),
        "other bytes": (b"nonsense" * 10, "expected TFRecord"),
        "empty": (b"", "no records, expected some"),
    }
    for name, (content, _) in contents.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "part-00000.tfrecord").write_bytes(content)
    records = {
        "a label of 2": ([[2, "a.png", _png()]], "label 2, expected label 0 or 1"),
        "a large patch": ([[0, "a.png", _png()], [1, "b.png", _png(51)]], "record 1, image: 50×51 pixels"),
        "CMYK": ([[0, "a.png", _png(50, "JPEG", "CMYK")]], "record 0, image: CMYK"),
    }
    for name, (rows, _) in records.items():
        drive("write_shard", path=tmp_path / name / "part-00000.tfrecord", rows=rows)
    (tmp_path / "nothing").mkdir()
    expected = {name: reason for name, (_, reason) in {**contents, **records}.items()}
    expected["nothing"] = "no .tfrecord file, expected some"
    reasons = drive("refusals", of="read_split", arguments=[tmp_path / name for name in expected])
    for (name, reason), found in zip(expected.items(), reasons, strict=True):
        assert reason in (found or ""), name
