"""Ranges come back whole and in order, near ones together, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from idc.converter import ranges
from idc.converter.ranges import FileRanges, Span, read_all, read_spans
from idc.errors import CorruptArchive, MissingObject


class Counting:
    """Ranges of bytes in memory that remember what was asked for."""

    def __init__(self, content: bytes) -> None:
        self.name, self.content, self.size = "memory", content, len(content)
        self.asked: list[tuple[int, int]] = []

    def read(self, offset: int, size: int) -> bytes:
        self.asked.append((offset, size))
        return self.content[offset : offset + size]


CONTENT = bytes(range(256)) * 64


@given(st.lists(st.integers(0, len(CONTENT)), max_size=20).map(sorted))
def test_spans_come_back_in_order(cuts: list[int]) -> None:
    spans = [Span(*pair) for pair in zip(cuts[::2], cuts[1::2], strict=False)]
    found = [(index, bytes(part)) for index, part in read_spans(Counting(CONTENT), spans)]
    assert found == [(index, CONTENT[span.start : span.end]) for index, span in enumerate(spans)]


def test_neighbours_are_fetched_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "BLOCK_BYTES", 100)
    monkeypatch.setattr(ranges, "_GAP_BYTES", 10)
    reader = Counting(CONTENT)
    spans = [Span(0, 40), Span(40, 80), Span(85, 100), Span(111, 120), Span(120, 400)]
    assert len(list(read_spans(reader, spans))) == len(spans)
    assert reader.asked == [(0, 100), (111, 9), (120, 280)]


def test_a_file_is_read_from_any_place(tmp_path: Path) -> None:
    path = tmp_path / "archive.zip"
    path.write_bytes(CONTENT)
    reader = FileRanges(path)
    assert reader.read(3, 5) == CONTENT[3:8]
    assert b"".join(read_all(reader, 1000)) == CONTENT
    with pytest.raises(CorruptArchive, match="inside it"):
        reader.read(len(CONTENT) - 1, 2)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.zip", tmp_path):
        with pytest.raises(MissingObject, match=str(path)):
            FileRanges(path)
