"""Shows what moves while the pipeline runs: bars on a terminal, a plain line now and then in a pipe."""

from __future__ import annotations

import time
from collections.abc import Collection
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

from stack.console import say
from stack.joblogs import Step

PLAIN_S = 20.0  # in a pipe, a job has a line at most this often
PACE_S = 300.0  # the pace of a job is measured over this time


class Display:
    """Prints lines with the time since the start, and below them, on a terminal, a row for each busy task."""

    def __init__(self) -> None:
        """Begin to count the time."""
        console = Console(highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}", table_column=Column(no_wrap=True)),
            BarColumn(bar_width=10),
            TextColumn("{task.fields[figures]}", table_column=Column(no_wrap=True, overflow="ellipsis")),
            console=console,
            disable=not console.is_interactive,
            transient=True,
            speed_estimate_period=PACE_S,
        )
        self._stage: TaskID | None = None
        self._rows: dict[str, TaskID] = {}
        self._printed_at: dict[str, float] = {}
        self.steps: dict[str, Step] = {}
        self.started = self.said_at = time.monotonic()

    def __enter__(self) -> Self:
        """Show the rows."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the rows; the lines stay."""
        self._progress.stop()

    @property
    def is_live(self) -> bool:
        """Tell whether rows are shown."""
        return not self._progress.disable

    def say(self, line: str) -> None:
        """Print a line that stays, after the time since the start."""
        self.said_at = time.monotonic()
        say(f"[{_clock(self.said_at - self.started):>6}] {line}", hang=11)

    def begin(self, stage: str, number: int, stages: int) -> None:
        """Make the top row that of a stage, and forget the rows of the one before."""
        for row in self._progress.task_ids:
            self._progress.remove_task(row)
        self._rows, self.steps = {}, {}
        description = f"{number} of {stages} {stage}"
        self._stage = self._progress.add_task(description, total=stages, completed=number - 1, figures="")

    def busy(self, names: Collection[str], left: str) -> None:
        """Have a row for exactly these tasks; say in the top row what is left."""
        if self._stage is not None:
            self._progress.update(self._stage, figures=left)
        for name in [name for name in self._rows if name not in names]:
            self._progress.remove_task(self._rows.pop(name))
        for name in names:
            if name not in self._rows:
                self._rows[name] = self._progress.add_task(f"  {name}", total=None, figures="")
            if name not in self.steps:
                [row] = [task for task in self._progress.tasks if task.id == self._rows[name]]
                self._progress.update(row.id, figures=_clock(row.elapsed or 0))

    def move(self, name: str, step: Step) -> None:
        """Show a job's latest step in its row; in a pipe, print it unless its last such line is recent."""
        self.steps[name] = step
        if name in self._rows:
            self._progress.update(self._rows[name], completed=step.done, total=step.total, figures=str(step))
        now = time.monotonic()
        if not self.is_live and now - self._printed_at.get(name, -PLAIN_S) >= PLAIN_S:
            self._printed_at[name] = now
            self.say(f"{name}: {step}")

    def left_s(self) -> float | None:
        """Return the seconds that the slowest job needs for the rest of its steps, or None if unknown."""
        rows = self._rows.values()
        left = [task.time_remaining for task in self._progress.tasks if task.id in rows]
        return max((seconds for seconds in left if seconds is not None), default=None)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
