"""Running the containers of a job to their end: logs, metrics, limits, stopping."""

from __future__ import annotations

import enum
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from embedded_aws.containers import Container
from embedded_aws.logs import StreamWriter
from embedded_aws.metrics import Extractor, Point

TICK_S = 0.1
MEMORY_PERIOD_S = 1.0
METRIC_PERIOD_S = 1.0
LONGEST_UNBROKEN_LINE = 1024 * 1024


class Ending(enum.Enum):
    """Why the containers ended."""

    EXITED = "exited"
    STOPPED = "stopped"
    RUNTIME = "runtime"
    MEMORY = "memory"


@dataclass(frozen=True)
class Limits:
    """What containers may use: seconds to run, bytes of memory in all, seconds to end when asked."""

    runtime_s: float
    memory_bytes: int
    grace_s: float


@dataclass(frozen=True)
class Outcome:
    """How it ended; the exit code is the first that is not 0."""

    ending: Ending
    exit_code: int


class Watch:
    """Follows the containers of one job."""

    def __init__(
        self, containers: Sequence[Container], writers: Sequence[StreamWriter], extractor: Extractor
    ) -> None:
        self._containers = list(containers)
        self._extractor = extractor
        self._wake = threading.Event()
        self._points: list[Point] = []
        self._readers = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in zip(containers, writers, strict=True)
        ]
        for reader in self._readers:
            reader.start()

    def run(
        self, limits: Limits, is_stop_asked: Callable[[], bool], take_points: Callable[[list[Point]], None]
    ) -> Outcome:
        """Wait for the end, bringing it about when a limit is passed or a stop is asked for."""
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
                if is_stop_asked():
                    ending = Ending.STOPPED
                elif now - started > limits.runtime_s:
                    ending = Ending.RUNTIME
                if ending is not Ending.EXITED:
                    asked_at = now
                    self._each(Container.terminate)
            elif now - asked_at > limits.grace_s:
                self._each(Container.kill)
            if now >= next_memory:
                next_memory = now + MEMORY_PERIOD_S
                if (
                    sum(container.usage().memory_bytes for container in self._containers)
                    > limits.memory_bytes
                ):
                    ending = Ending.MEMORY
                    self._each(Container.kill)
            if any(container.exit_code for container in self._containers):
                self._each(Container.kill)
        code = next((code for container in self._containers if (code := container.exit_code)), 0)
        self._finish(take_points)
        return Outcome(ending, code)

    def kill(self) -> None:
        """End everything at once."""
        self._each(Container.kill)

    def _is_running(self) -> bool:
        return any(container.exit_code is None for container in self._containers)

    def _each(self, act: Callable[[Container], None]) -> None:
        for container in self._containers:
            act(container)

    def _finish(self, take_points: Callable[[list[Point]], None]) -> None:
        for reader in self._readers:
            reader.join(timeout=10)
        self._hand_over(take_points)

    def _hand_over(self, take_points: Callable[[list[Point]], None]) -> None:
        points, self._points = self._points, []
        if points:
            take_points(points)

    def _read(self, container: Container, writer: StreamWriter) -> None:
        """Copy the container's lines to its log stream, picking metrics on the way."""
        while line := container.output.readline(LONGEST_UNBROKEN_LINE):
            text = line.rstrip(b"\r\n")
            writer.write(text)
            self._points += self._extractor.find(text.decode("utf-8", "replace"))
        container.output.close()
        self._wake.set()
