"""How far a job's log has been copied into a task's log.

For each stream, a position holds the time of the last line and the number of lines copied of that
millisecond. Unlike a token of CloudWatch Logs it does not expire.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

# A task's log takes at most so many lines; CloudWatch has them all.
MOST_LINES = 20_000
LONGEST_LINE = 4_000


@dataclass
class LogPosition:
    """The place in the log of `job` up to which all lines are printed."""

    job: str
    lines: int = 0
    streams: dict[str, tuple[int, int]] = field(default_factory=dict)
    _skipped: dict[str, int] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_full(self) -> bool:
        """Whether the task's log has reached its limit of lines."""
        return self.lines >= MOST_LINES

    def start_ms(self, stream: str) -> int:
        """Return the time from which to read a stream; lines already printed will be skipped."""
        at_ms, count = self.streams.get(stream, (0, 0))
        self._skipped[stream] = count
        return at_ms

    def takes(self, stream: str, timestamp_ms: int) -> bool:
        """Count a line and return True if it is new; call it with all lines in order, from `start_ms` on."""
        at_ms, count = self.streams.get(stream, (0, 0))
        if timestamp_ms == at_ms and self._skipped.get(stream, 0):
            self._skipped[stream] -= 1
            return False
        self._skipped[stream] = 0
        self.streams[stream] = (timestamp_ms, count + 1 if timestamp_ms == at_ms else 1)
        self.lines += 1
        return True

    def to_dict(self) -> dict[str, Any]:
        """Return the position as plain values."""
        streams = {name: list(place) for name, place in self.streams.items()}
        return {"job": self.job, "lines": self.lines, "streams": streams}

    @classmethod
    def of(cls, job: str, values: Any) -> Self:
        """Return the position that `to_dict` wrote; the beginning for another job or no position."""
        if not isinstance(values, Mapping) or values.get("job") != job:
            return cls(job)
        streams = {name: (int(at_ms), int(count)) for name, (at_ms, count) in values["streams"].items()}
        return cls(job, int(values["lines"]), streams)
