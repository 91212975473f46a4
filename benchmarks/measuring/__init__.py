"""Shared by all benchmarks: an embedded AWS of their own, times, and a small table."""

from __future__ import annotations

import os
import platform
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import local_aws
from local_aws import LocalAws


@dataclass(frozen=True)
class Times:
    """How long each of a series of calls took, in seconds."""

    seconds: Sequence[float]

    @property
    def per_second(self) -> float:
        return len(self.seconds) / sum(self.seconds)

    def milliseconds(self, percent: int) -> float:
        """A percentile."""
        return statistics.quantiles(self.seconds, n=100, method="inclusive")[percent - 1] * 1000


def timed(calls: Iterable[Callable[[], object]]) -> Times:
    """Make the calls one after the other."""
    seconds = []
    for call in calls:
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return Times(seconds)


@contextmanager
def embedded_aws(*flags: str) -> Iterator[LocalAws]:
    """An embedded AWS of its own, gone afterwards, also when the benchmark is told to end."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="histoflow-benchmark-") as directory:
        home = Path(directory)
        aws = local_aws.start(home / "home", home / "runtimes.toml", "--stop-grace-s", "1", *flags)
        try:
            yield aws
        finally:
            aws.down()


def show(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table, its first column to the left, and the machine the figures are of."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    print(f"\n{title}")
    for row in (head, *rows):
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        print("  ".join([row[0].ljust(widths[0]), *cells]))
    models = [
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")
    ]
    model = models[0].partition(":")[2].strip() if models else platform.machine()
    print(f"machine: {os.cpu_count()} cores, {model}, Python {platform.python_version()}", flush=True)


def verdict(what: str, is_met: bool) -> None:
    """Print whether a target is met."""
    print(f"target {what}: {'met' if is_met else 'MISSED'}", flush=True)
