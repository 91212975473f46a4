"""Objects are cut into records exactly, and requests never grow past their limit."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given, strategies as st

from embedded_aws.jobs import pipe_recordio
from embedded_aws.transform.records import Batching, Record, split
from embedded_aws.transform.transform_failures import BadRecord

MAGIC = struct.pack("<I", pipe_recordio.MAGIC)


def tfrecord(data: bytes) -> bytes:
    return struct.pack("<QI", len(data), 0) + data + bytes(4)


def test_lines_have_no_ends_and_empty_ones_are_none() -> None:
    assert [record.data for record in split(io.BytesIO(b"a,1\r\n\nb\n c"), "Line")] == [b"a,1", b"b", b" c"]


@given(st.lists(st.one_of(st.binary(max_size=40), st.just(b"1234" + MAGIC + b"56"), st.just(MAGIC))))
def test_recordio_gives_back_what_was_wrapped(data: list[bytes]) -> None:
    framed = [pipe_recordio.wrapped(item) for item in data]
    records = list(split(io.BytesIO(b"".join(framed)), "RecordIO"))
    assert [record.data for record in records] == data
    assert [record.framed for record in records] == framed


@given(st.lists(st.binary(max_size=40)))
def test_tfrecord_gives_back_what_was_framed(data: list[bytes]) -> None:
    records = list(split(io.BytesIO(b"".join(map(tfrecord, data))), "TFRecord"))
    assert [(record.data, record.framed) for record in records] == [(item, tfrecord(item)) for item in data]


@pytest.mark.parametrize(
    ("split_type", "data", "words"),
    [
        ("RecordIO", b"not a record", "magic number"),
        ("RecordIO", pipe_recordio.wrapped(b"whole")[:-1], "bytes of a record"),
        ("RecordIO", pipe_recordio.wrapped(b"1234" + MAGIC + b"56")[:12], "not complete"),
        ("TFRecord", tfrecord(b"whole")[:-1], "bytes of a record"),
        ("TFRecord", b"short", "expected a record's header"),
    ],
)
def test_other_formats_are_refused(split_type: str, data: bytes, words: str) -> None:
    with pytest.raises(BadRecord, match=words):
        list(split(io.BytesIO(data), split_type))


@given(st.lists(st.binary(min_size=1, max_size=10)), st.integers(10, 30), st.booleans())
def test_batches_keep_order_and_limit(data: list[bytes], limit: int, is_single: bool) -> None:
    batching = Batching("Line", is_single, limit)
    batches = list(batching.batches(Record(item, item, item) for item in data))
    assert [record.data for batch in batches for record in batch] == data
    assert all(len(batching.body(batch)) <= limit for batch in batches)
    assert not is_single or all(len(batch) == 1 for batch in batches)


def test_framing_stays_only_where_it_tells_records_apart() -> None:
    records = [Record(b"a", b"<a>", b"a"), Record(b"b", b"<b>", b"b")]
    assert Batching("RecordIO", is_single=False, limit_bytes=None).body(records) == b"<a><b>"
    assert Batching("RecordIO", is_single=True, limit_bytes=None).body(records[:1]) == b"a"
    assert Batching("Line", is_single=False, limit_bytes=None).body(records) == b"<a>\n<b>"


def test_a_record_over_the_limit_is_refused() -> None:
    with pytest.raises(BadRecord, match="Too much data for max payload size"):
        list(Batching("Line", is_single=False, limit_bytes=3).batches([Record(b"long", b"long", b"long")]))
    with pytest.raises(BadRecord, match="Too much data for max payload size"):
        Batching("None", is_single=True, limit_bytes=3).check_size(4)
    Batching("Line", is_single=True, limit_bytes=3).check_size(4)
