"""Runs the containers of a job to their end: logs, metrics, limits, stopping."""

from __future__ import annotations

import enum
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from embedded_aws.cloudwatch.logs import StreamWriter
from embedded_aws.cloudwatch.metrics import Extractor, Point
from embedded_aws.containers.container import Container

TICK_S = 0.1
MEMORY_PERIOD_S = 1.0
METRIC_PERIOD_S = 1.0
LONGEST_UNBROKEN_LINE = 1024 * 1024


class Ending(enum.Enum):
    """Why the containers ended."""

    EXITED = "exited"
    STOPPED = "stopped"
    RUNTIME = "runtime"
    WAIT = "wait"
    INTERRUPTED = "interrupted"
    MEMORY = "memory"


@dataclass(frozen=True)
class Limits:
    """What containers may use: bytes of memory in all, seconds to end when asked."""

    memory_bytes: int
    grace_s: float


@dataclass(frozen=True)
class Outcome:
    """How it ended; the exit code is the first that is not 0, and the container's number goes with it."""

    ending: Ending
    exit_code: int
    number: int = 0


class Watch:
    """Follows the containers of one job."""

    def __init__(
        self, containers: Sequence[Container], writers: Sequence[StreamWriter], extractor: Extractor
    ) -> None:
        self._containers = list(containers)
        self._extractor = extractor
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._points: list[Point] = []
        self._failed = 0, 0  # the exit code that is not 0, and whose it is
        self._readers = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in zip(containers, writers, strict=True)
        ]
        for reader in self._readers:
            reader.start()

    def run(
        self,
        limits: Limits,
        wanted_ending: Callable[[float], Ending | None],
        take_points: Callable[[list[Point]], None],
    ) -> Outcome:
        """Wait for the end, bringing it about when memory runs out or another ending is wanted.

        `wanted_ending` is asked several times a second, with the seconds the containers have run,
        until it wants one; what it raises ends the watch.
        """
        started = time.monotonic()
        ending, asked_at = Ending.EXITED, 0.0
        next_memory, next_metrics = started + MEMORY_PERIOD_S, started + METRIC_PERIOD_S
        while self._is_running():
            self._wake.wait(TICK_S)
            self._wake.clear()
            now = time.monotonic()
            if now >= next_metrics:
                next_metrics = now + METRIC_PERIOD_S
                self._hand_over(take_points)
            if ending is Ending.EXITED:
                wanted = wanted_ending(now - started) if self._is_running() else None
                if wanted is not None:
                    ending, asked_at = wanted, now
                    self._each(Container.terminate)
            elif now - asked_at > limits.grace_s:
                self._each(Container.kill)
            if now >= next_memory:
                next_memory = now + MEMORY_PERIOD_S
                if self._memory_bytes() > limits.memory_bytes:
                    ending = Ending.MEMORY
                    self._each(Container.kill)
            if ending is Ending.EXITED:
                self._end_with_the_first_failed()
        if ending is Ending.EXITED:
            self._end_with_the_first_failed()
        code, number = self._failed
        self._finish(take_points)
        return Outcome(ending, code or self._first_code(), number)

    def kill(self) -> None:
        """End everything at once."""
        self._each(Container.kill)

    def _is_running(self) -> bool:
        return any(container.exit_code is None for container in self._containers)

    def _memory_bytes(self) -> int:
        return sum(container.usage().memory_bytes for container in self._containers)

    def _end_with_the_first_failed(self) -> None:
        """One container that failed ends all."""
        for number, container in enumerate(self._containers):
            if not self._failed[0] and (code := container.exit_code):
                self._failed = code, number
        if self._failed[0]:
            self._each(Container.kill)

    def _first_code(self) -> int:
        return next((code for container in self._containers if (code := container.exit_code)), 0)

    def _each(self, act: Callable[[Container], None]) -> None:
        for container in self._containers:
            act(container)

    def _finish(self, take_points: Callable[[list[Point]], None]) -> None:
        for reader in self._readers:
            reader.join(timeout=10)
        self._hand_over(take_points)

    def _hand_over(self, take_points: Callable[[list[Point]], None]) -> None:
        with self._lock:
            points, self._points = self._points, []
        if points:
            take_points(points)

    def _read(self, container: Container, writer: StreamWriter) -> None:
        """Copy the container's lines to its log stream, picking metrics on the way."""
        while line := container.output.readline(LONGEST_UNBROKEN_LINE):
            text = line.rstrip(b"\r\n")
            writer.write(text)
            found = self._extractor.find(text.decode("utf-8", "replace"))
            with self._lock:
                self._points.extend(found)
        container.output.close()
        self._wake.set()
