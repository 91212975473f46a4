"""A payload shard holds images and nothing else, as MXNet itself would frame them."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from archives import picture
from hypothesis import given, strategies as st
from oracles import ask, save

from idc.converter.records.payload import PayloadWriter, read_payloads, verify
from idc.converter.records.recordio import RECORDS
from idc.errors import CorruptShard

MAGIC = struct.pack("<I", 0xCED7230A)
ORACLE = """
import json, sys
import mxnet as mx
folder, images = sys.argv[1], [bytes.fromhex(image) for image in json.load(sys.stdin)]
theirs = mx.recordio.MXRecordIO(folder + "/theirs.rec", "w")
for image in images:
    theirs.write(image)
theirs.close()
ours = mx.recordio.MXRecordIO(folder + "/ours.rec", "r")
print(json.dumps([ours.read().hex() for _ in images]))
"""

images = st.lists(
    st.one_of(
        st.binary(max_size=60),
        st.lists(st.sampled_from([MAGIC, b"abcd", b"e"]), max_size=6).map(b"".join),
    ),
    max_size=6,
)


def write(given_images: list[bytes]) -> dict[str, bytes]:
    writer = PayloadWriter()
    for number, image in enumerate(given_images):
        writer.append(number % 2, f"{number}.png", image)
    assert len(writer) == len(given_images)
    return {suffix: bytes(content) for suffix, content in writer.files().items()}


@given(images)
def test_images_are_read_as_they_were_written(given_images: list[bytes]) -> None:
    files = write(given_images)
    assert list(read_payloads(files[RECORDS], "a")) == given_images
    verify(files, "a", len(given_images))


def test_bytes_are_those_of_mxnet_both_ways(tmp_path: Path) -> None:
    shifts = [bytes(range(shift)) + MAGIC * repeats + b"x" for shift in range(5) for repeats in (1, 2)]
    given_images = [picture(1, 2, 3), b"a", MAGIC, MAGIC + struct.pack("<I", 7 << 29), *shifts]
    files = write(given_images)
    save(files, tmp_path)
    assert ask("mxnet", ORACLE, tmp_path, [image.hex() for image in given_images]) == [
        image.hex() for image in given_images
    ]
    assert (tmp_path / "theirs.rec").read_bytes() == files[RECORDS]


@given(given_images=images.filter(bool), data=st.data())
def test_a_cut_shard_is_found(given_images: list[bytes], data: st.DataObject) -> None:
    content = write(given_images)[RECORDS]
    content = content[: data.draw(st.integers(0, len(content) - 1))]
    with pytest.raises(CorruptShard, match="part-00003"):
        verify({RECORDS: content}, "part-00003", len(given_images))
