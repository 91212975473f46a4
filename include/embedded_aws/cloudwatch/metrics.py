"""Extracts metrics from a job's log lines by its regular expressions."""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass

from embedded_aws.store.resources import Store

LONGEST_LINE = 16_384  # a longer line is no metric, and a bad expression could take for ever on it


@dataclass(frozen=True)
class Point:
    """One value of a metric."""

    name: str
    timestamp: float
    value: float


class Extractor:
    """Finds the metrics of one job."""

    def __init__(self, definitions: list[dict[str, str]]) -> None:
        self._patterns = [(item["Name"], re.compile(item["Regex"])) for item in definitions]

    def find(self, line: str) -> list[Point]:
        """The values a line holds: per metric the first group of every match, if it is a number."""
        if len(line) > LONGEST_LINE:
            return []
        now = time.time()
        points = []
        for name, pattern in self._patterns:
            for match in pattern.finditer(line):
                try:
                    value = float(match[1] if pattern.groups else match[0])
                except (TypeError, ValueError):
                    continue  # the expression matched something that is not a number
                if math.isfinite(value):  # CloudWatch takes no other, nor does JSON
                    points.append(Point(name, now, value))
        return points


def record(store: Store, arn: str, points: list[Point]) -> None:
    """Keep the values of a job."""
    with store.transaction():
        for point in points:
            store.execute(
                "INSERT INTO metric VALUES (?, ?, ?, ?)", (arn, point.name, point.timestamp, point.value)
            )


def final(store: Store, arn: str, since: float) -> list[dict[str, object]]:
    """The last value of every metric of a job created then, as FinalMetricDataList has them."""
    rows = store.query(
        "SELECT name, value, timestamp FROM metric WHERE rowid IN "
        "(SELECT max(rowid) FROM metric WHERE arn = ? AND timestamp >= ? GROUP BY name) "
        "ORDER BY name",
        (arn, since),
    )
    return [{"MetricName": name, "Value": value, "Timestamp": timestamp} for name, value, timestamp in rows]


def series(store: Store, arn: str, name: str, since: float) -> list[float]:
    """All values of a metric of a job created then, the oldest first."""
    rows = store.query(
        "SELECT value FROM metric WHERE arn = ? AND name = ? AND timestamp >= ? ORDER BY rowid",
        (arn, name, since),
    )
    return [float(value) for (value,) in rows]
