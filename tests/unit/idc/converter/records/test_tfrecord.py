"""Our TFRecord is TensorFlow's, byte for byte, and damage is found."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from archives import picture
from hypothesis import given, strategies as st
from oracles import ask, save

from idc.converter.records.crc32c import crc32c, masked
from idc.converter.records.tfrecord import EXAMPLES, TFRecordWriter, read_examples, verify
from idc.errors import CorruptShard

Patch = tuple[int, str, bytes]

# Writes the patches as TensorFlow does, and tells what its own pipeline reads of ours.
ORACLE = """
import json, os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf
folder = sys.argv[1]
patches = [(label, name, bytes.fromhex(image)) for label, name, image in json.load(sys.stdin)]
def some(*values):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
with tf.io.TFRecordWriter(folder + "/theirs.tfrecord") as writer:
    for label, name, image in patches:
        example = tf.train.Example(features=tf.train.Features(feature={
            "image/encoded": some(image),
            "image/format": some(b"png" if image[:4] == b"\\x89PNG" else b"jpeg"),
            "image/class/label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
            "image/filename": some(name.encode()),
        }))
        writer.write(example.SerializeToString(deterministic=True))
spec = {"image/class/label": tf.io.FixedLenFeature([], tf.int64)}
for key in ("image/encoded", "image/format", "image/filename"):
    spec[key] = tf.io.FixedLenFeature([], tf.string)
found = []
for record in tf.data.TFRecordDataset(folder + "/ours.tfrecord").as_numpy_iterator():
    parsed = {key: value.numpy() for key, value in tf.io.parse_single_example(record, spec).items()}
    pixel = tf.io.decode_image(parsed["image/encoded"])[7, 9].numpy().tolist() if len(found) < 2 else None
    name, kind = parsed["image/filename"].decode(), parsed["image/format"].decode()
    found.append([int(parsed["image/class/label"]), name, parsed["image/encoded"].hex(), kind, pixel])
print(json.dumps(found))
"""

patches = st.lists(
    st.tuples(
        st.sampled_from([0, 1]),
        st.text("abc_019.é", max_size=20),
        st.one_of(st.binary(max_size=300), st.sampled_from([picture(1, 2, 3), picture(1, kind="JPEG")])),
    ),
    max_size=5,
)


def write(given_patches: list[Patch]) -> dict[str, bytes]:
    writer = TFRecordWriter()
    for patch in given_patches:
        writer.append(*patch)
    assert len(writer) == len(given_patches)
    return {suffix: bytes(content) for suffix, content in writer.files().items()}


def framed(example: bytes) -> bytes:
    """A record with the right CRCs, whatever it holds."""
    length = struct.pack("<Q", len(example))
    crcs = [struct.pack("<I", masked(crc32c(content))) for content in (length, example)]
    return length + crcs[0] + example + crcs[1]


@given(patches)
def test_examples_are_read_as_they_were_written(given_patches: list[Patch]) -> None:
    files = write(given_patches)
    found = list(read_examples(files[EXAMPLES], "a"))
    assert [(example.label, example.name, example.image) for example in found] == given_patches
    assert [example.format == b"png" for example in found] == [
        image.startswith(b"\x89PNG") for _, _, image in given_patches
    ]
    verify(files, "a", len(given_patches))


@pytest.mark.slow
def test_bytes_are_those_of_tensorflow_both_ways(tmp_path: Path) -> None:
    """Every number of bytes at which a length takes one more byte, in every place that has a length."""
    around = sorted({edge + off for edge in (0, 128, 16_384) for off in range(-60, 3) if edge + off >= 0})
    given_patches = [
        (0, "10253_idx5_x1_y1_class0.png", picture(10, 20, 30)),
        (1, "10253_idx5_x51_y1_class1.jpg", picture(200, 200, 200, kind="JPEG", quality=100)),
        *((size % 2, "n" * (size % 200), bytes([size % 251]) * size) for size in around),
    ]
    files = write(given_patches)
    save(files, tmp_path)
    question = [(label, name, image.hex()) for label, name, image in given_patches]
    found = ask("tensorflow", ORACLE, tmp_path, question)
    assert (tmp_path / "theirs.tfrecord").read_bytes() == files[EXAMPLES]
    assert [tuple(answer[:3]) for answer in found] == question
    assert [answer[3] for answer in found] == ["png"] + ["jpeg"] * (len(question) - 1)
    assert [answer[4] for answer in found[:2]] == [[10, 20, 30], [200, 200, 200]]


@given(given_patches=patches.filter(bool), data=st.data())
def test_a_changed_bit_is_found(given_patches: list[Patch], data: st.DataObject) -> None:
    content = bytearray(write(given_patches)[EXAMPLES])
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(CorruptShard, match="part-00003"):
        verify({EXAMPLES: content}, "part-00003", len(given_patches))


@given(given_patches=patches.filter(bool), data=st.data())
def test_a_cut_shard_is_found(given_patches: list[Patch], data: st.DataObject) -> None:
    content = write(given_patches)[EXAMPLES]
    content = content[: data.draw(st.integers(0, len(content) - 1))]
    with pytest.raises(CorruptShard, match="part-00003"):
        verify({EXAMPLES: content}, "part-00003", len(given_patches))


@given(st.binary(max_size=120))
def test_a_record_that_is_no_example_is_found(content: bytes) -> None:
    with pytest.raises(CorruptShard, match="a record at 0 that"):
        list(read_examples(framed(content), "a"))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"\x0a\x01\x01", b"\x0a\x01\x02", "no label 0 or 1"),
        (b"image/class/label", b"image/class/llama", "no label 0 or 1"),
        (b"image/encoded", b"image/decoded", "does not hold image/encoded"),
        (b"image/filename", b"image/pathname", "does not hold image/filename"),
        (b"image/format", b"image/farmat", "does not end with the format"),
        (b"jpeg", b"jpag", "does not end with the format"),
        (b"\x0a\x05a.png", b"\x0a\x04a.png", "does not hold image/filename"),
    ],
)
def test_an_example_of_something_else_is_found(old: bytes, new: bytes, reason: str) -> None:
    example = write([(1, "a.png", b"image")])[EXAMPLES][12:-4]
    assert example.count(old) == 1
    with pytest.raises(CorruptShard, match=reason):
        list(read_examples(framed(example.replace(old, new)), "a"))


def test_a_name_that_is_no_text_is_found() -> None:
    example = write([(1, "a.png", b"image")])[EXAMPLES][12:-4]
    with pytest.raises(CorruptShard, match="a record at 0 that"):
        list(read_examples(framed(example.replace(b"a.png", b"\xff.png")), "a"))


def test_another_number_of_examples_is_found() -> None:
    files = write([(0, "a", b"first"), (1, "b", b"second")])
    with pytest.raises(CorruptShard, match="2 records, expected 3"):
        verify(files, "a", 3)
