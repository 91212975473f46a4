"""The window of whole UTC days that monitoring examines, the same at every run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import (
    UTC,
    date as Date,  # noqa: N812  (a class)
    datetime,
    time,
    timedelta,
)

from idc.errors import ConfigurationError

ONE = timedelta(days=1)


@dataclass(frozen=True)
class Window:
    """So many days up to and with `last`."""

    last: Date
    days: int

    @classmethod
    def up_to(cls, day: str, days: int) -> Window:
        """Return the window whose last day is `day`, such as `2026-11-25`.

        Raises:
            ConfigurationError: it is no day.
        """
        try:
            last = Date.fromisoformat(day)
        except ValueError:
            last = Date.min
        if last.isoformat() != day:
            action = "Trigger the DAG again with a day as its partition key."
            raise ConfigurationError("day", repr(day), "not one", "one such as 2026-11-25", action)
        return cls(last, days)

    @property
    def start(self) -> datetime:
        """When it begins."""
        return datetime.combine(self.last - (self.days - 1) * ONE, time(), UTC)

    @property
    def end(self) -> datetime:
        """When it is over; no longer part of it."""
        return datetime.combine(self.last + ONE, time(), UTC)

    def names(self, more: int = 0) -> Iterator[str]:
        """Yield its days and so many more, the first first."""
        for number in range(self.days + more):
            yield (self.start + number * ONE).date().isoformat()

    def holds(self, at: datetime) -> bool:
        """Whether a time lies in it."""
        return self.start <= at < self.end


def instant(text: object) -> datetime:
    """Return the time that an ISO text with an offset names.

    Raises:
        ValueError: it names none.
    """
    if not isinstance(text, str):
        raise ValueError(f"time {str(text)[:40]!r}")
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"time {text[:40]!r} without an offset")
    return at


def source(slide: str, at: datetime) -> str:
    """Return what patches are of: a slide, or for those that came alone the hour in which they did.

    Nobody sends whose a patch is. Those of one hour may all be one patient's, so they count as one.
    """
    return slide or f"{at.astimezone(UTC):%Y-%m-%dT%H}"
