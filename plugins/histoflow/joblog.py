"""The log of one job, copied into the log of the task that waits for it: each line once."""

from __future__ import annotations

from typing import Any

from histoflow.hooks.logs import LogsHook
from histoflow.positions import MOST_LINES, LogPosition
from idc.jobs.spec import JobKind

KEY = "log_position"


class JobLog:
    """Prints what is new in a job's log; a tuning job has none of its own, only its training jobs have."""

    def __init__(self, hook: LogsHook, kind: JobKind, position: LogPosition) -> None:
        """Go on from `position`."""
        self._hook = hook
        self._kind = kind
        self.position = position

    def print_new(self) -> bool:
        """Print the lines that came since the last time; return whether there were any."""
        before = self.position.lines
        if self._kind is not JobKind.TUNING and not self.position.is_full:
            self.position = self._hook.print_new(self._kind.log_group, self.position)
        return self.position.lines > before

    def print_rest(self) -> None:
        """Print what is left once the job is over: all of it, or the end of a log that was too long."""
        self.print_new()
        if self.position.is_full:
            self._hook.log.info("The log is longer than %d lines: see CloudWatch for all of it.", MOST_LINES)
            self._hook.print_tail(self._kind.log_group, f"{self.position.job}/")


class TaskLog(JobLog):
    """A job's log in a worker, with its position in Airflow's task state store, where there is one.

    The store outlives the tries of a task. It holds the position in one job's log: the next attempt is
    another job, and begins anew.
    """

    def __init__(self, hook: LogsHook, kind: JobKind, job: str, context: Any) -> None:
        """Go on where any try of the running task stopped."""
        self._store = context.get("task_state_store")
        kept = None if self._store is None else self._store.get(KEY)
        super().__init__(hook, kind, LogPosition.of(job, kept))

    def print_new(self) -> bool:
        """Print the lines that came since the last time; return whether there were any."""
        if is_new := super().print_new():
            self.keep(self.position)
        return is_new

    def keep(self, position: LogPosition) -> None:
        """Take a position for this log's own, and for that of the next try."""
        self.position = position
        if self._store is not None:
            self._store.set(KEY, position.to_dict())
