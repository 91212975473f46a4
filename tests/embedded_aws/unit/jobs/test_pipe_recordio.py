from __future__ import annotations

import struct

import pytest
from hypothesis import example, given, strategies as st

from embedded_aws.errors import DownloadError
from embedded_aws.jobs import pipe_recordio

MAGIC = struct.pack("<I", pipe_recordio.MAGIC)
WORDS = st.lists(st.sampled_from([MAGIC, b"abcd", b"x", b""])).map(b"".join)


def read(data: bytes) -> bytes:
    """The content of the one record, put together as dmlc-core's reader does."""
    parts, at, flags = [], 0, []
    while at < len(data):
        magic, head = struct.unpack_from("<4sI", data, at)
        assert magic == MAGIC
        flag, length = head >> 29, head & (1 << 29) - 1
        parts.append(data[at + 8 : at + 8 + length])
        flags.append(flag)
        at += 8 + length + -length % 4
    assert at == len(data)
    whole = [pipe_recordio.WHOLE]
    cut = [pipe_recordio.FIRST, *[pipe_recordio.MIDDLE] * (len(flags) - 2), pipe_recordio.LAST]
    assert flags == (whole if len(flags) == 1 else cut)
    return MAGIC.join(parts)


@given(WORDS)
@example(MAGIC)
@example(MAGIC * 3)
@example(b"abc" + MAGIC + b"d" + MAGIC)
def test_a_reader_finds_what_was_wrapped(data: bytes) -> None:
    record = pipe_recordio.wrapped(data)
    assert read(record) == data
    starts = [at for at in range(0, len(record), 4) if record[at : at + 4] == MAGIC]
    flags = {struct.unpack_from("<I", record, at + 4)[0] >> 29 for at in starts}
    assert flags <= {pipe_recordio.WHOLE, pipe_recordio.FIRST, pipe_recordio.MIDDLE, pipe_recordio.LAST}


def test_the_frame() -> None:
    assert pipe_recordio.wrapped(b"abcde") == MAGIC + b"\5\0\0\0" + b"abcde" + b"\0\0\0"


def test_too_long_a_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipe_recordio, "LONGEST_RECORD_BYTES", 4)
    with pytest.raises(DownloadError, match="5 bytes, expected at most 4"):
        pipe_recordio.wrapped(b"abcde")
