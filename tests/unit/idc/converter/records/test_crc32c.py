"""Both ways to a CRC-32C agree with the standard and with each other."""

from __future__ import annotations

import os
import subprocess
import sys
from random import Random

import crc32c as package
import pytest
from hypothesis import example, given, strategies as st

from idc.converter.records import crc32c
from idc.converter.records.tfrecord import TFRecordWriter

ENDS = st.sampled_from([0, 1, 2, 3, 4, 5, 255, 256, 257, 258, 259, 260, 511, 512, 513, 5400])


@pytest.mark.parametrize(
    ("content", "crc"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),  # this and the next two: RFC 3720, B.4
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_known_values(content: bytes, crc: int) -> None:
    assert crc32c.crc32c_by_numpy(content) == crc32c.crc32c(content) == crc


@given(st.randoms(use_true_random=False), ENDS, ENDS)
def test_numpy_gives_what_the_package_gives(random: Random, first: int, second: int) -> None:
    one, two = random.randbytes(first), random.randbytes(second)
    assert crc32c.crc32c_by_numpy(one) == package.crc32c(one)
    assert crc32c.crc32c_by_numpy(two, crc32c.crc32c_by_numpy(one)) == package.crc32c(one + two)


@given(st.binary(max_size=2000))
@example(b"\0" * 300)
def test_any_buffer_is_taken(content: bytes) -> None:
    for kind in (bytearray, memoryview):
        assert crc32c.crc32c_by_numpy(kind(content)) == package.crc32c(content)


def test_without_the_package_numpy_takes_its_place() -> None:
    script = (
        "import sys; sys.modules['crc32c'] = None\n"
        "from idc.converter.records import crc32c, tfrecord\n"
        "assert crc32c.crc32c is crc32c.crc32c_by_numpy\n"
        "writer = tfrecord.TFRecordWriter()\n"
        "writer.append(1, 'a.png', bytes(3000))\n"
        "print(writer.files()['.tfrecord'].hex())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    writer = TFRecordWriter()
    writer.append(1, "a.png", bytes(3000))
    assert bytes.fromhex(done.stdout) == writer.files()[".tfrecord"]
