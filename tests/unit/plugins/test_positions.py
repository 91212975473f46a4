"""Each line of a stream is taken once, wherever the reading was broken off."""

from __future__ import annotations

import itertools

import pytest

from histoflow import positions
from histoflow.positions import LogPosition

STREAM = "job/algo-1-1700000000"
TIMES = [1, 1, 1, 2, 5, 5, 9]


def read(position: LogPosition, times: list[int]) -> int:
    """Offer a stream from where it has to be read again; return how many lines were new."""
    start = position.start_ms(STREAM)
    return sum(position.takes(STREAM, at) for at in times if at >= start)


@pytest.mark.parametrize("cuts", list(itertools.combinations(range(len(TIMES) + 1), 2)))
def test_a_reading_goes_on_where_it_stopped(cuts: tuple[int, int]) -> None:
    position, taken = LogPosition("job"), 0
    for length in (*cuts, len(TIMES), len(TIMES)):
        taken += read(position, TIMES[:length])
        position = LogPosition.of("job", position.to_dict())
        assert taken == length == position.lines


def test_streams_are_told_apart() -> None:
    position = LogPosition("job")
    read(position, TIMES)

    assert position.start_ms("job/algo-2-1700000000") == 0
    assert position.takes("job/algo-2-1700000000", 1)
    assert position.lines == len(TIMES) + 1


@pytest.mark.parametrize("values", [None, {}, {"job": "another", "lines": 3, "streams": {}}])
def test_the_log_of_another_job_begins_at_its_beginning(values: object) -> None:
    assert LogPosition.of("job", values) == LogPosition("job")


def test_a_task_takes_only_so_many_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(positions, "MOST_LINES", 3)
    position = LogPosition("job")
    read(position, TIMES[:2])
    assert not position.is_full
    read(position, TIMES[:3])
    assert position.is_full
