from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from idc.errors import ConfigurationError
from idc.monitor.window import Window, instant


def test_whole_days_in_utc() -> None:
    window = Window.up_to("2026-03-01", 2)

    assert list(window.names()) == ["2026-02-28", "2026-03-01"]
    assert list(window.names(1))[-1] == "2026-03-02"
    assert window.holds(instant("2026-02-28T00:00:00Z"))
    assert window.holds(instant("2026-03-02T01:59:59+02:00"))
    assert not window.holds(instant("2026-03-02T00:00:00Z"))
    assert not window.holds(instant("2026-02-27T23:59:59Z"))


@given(last=st.dates(date(2000, 1, 1), date(2100, 1, 1)), days=st.integers(1, 90))
def test_a_window_is_its_days_and_no_moment_is_in_none(last: date, days: int) -> None:
    window = Window.up_to(last.isoformat(), days)

    assert window.end - window.start == timedelta(days=days)
    assert len(list(window.names())) == days
    assert window.holds(window.start)
    assert window.holds(window.end - timedelta(microseconds=1))
    assert not window.holds(window.end)
    assert datetime.combine(last, datetime.min.time(), UTC) in (window.start, window.end - timedelta(days=1))


@pytest.mark.parametrize("day", ["2026-11", "2026-13-01", "20261124", "yesterday", "", "2026-W48-2"])
def test_what_is_no_day_is_refused(day: str) -> None:
    with pytest.raises(ConfigurationError, match="expected one such as 2026-11-25"):
        Window.up_to(day, 1)


@pytest.mark.parametrize("text", [None, 7, "x", "2026-11-24T10:00:00"])
def test_what_is_no_moment_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        instant(text)
