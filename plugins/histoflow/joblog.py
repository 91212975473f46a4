"""Copy a job's log into the log of its task, each line once."""

from __future__ import annotations

from typing import Any

from histoflow.hooks.logs import LogsHook
from histoflow.positions import MOST_LINES, LogPosition
from idc.jobs.spec import JobKind

KEY = "log_position"


class JobLog:
    """Prints new lines of a job's log; a tuning job has no log of its own."""

    def __init__(self, hook: LogsHook, kind: JobKind, position: LogPosition) -> None:
        """Start at `position`."""
        self._hook = hook
        self._kind = kind
        self.position = position

    def print_new(self) -> bool:
        """Print new lines; return whether there were any."""
        before = self.position.lines
        if self._kind is not JobKind.TUNING and not self.position.is_full:
            self.position = self._hook.print_new(self._kind.log_group, self.position)
        return self.position.lines > before

    def print_rest(self) -> None:
        """Print the rest of an ended job's log: all lines, or only the end of a log that is too long."""
        self.print_new()
        if self.position.is_full:
            self._hook.log.info("The log is longer than %d lines: see CloudWatch for all of it.", MOST_LINES)
            self._hook.print_tail(self._kind.log_group, f"{self.position.job}/")


class TaskLog(JobLog):
    """A job's log in a worker; Airflow's task state store, if there is one, keeps the position.

    The store outlives the tries of a task. The log of another job starts at its beginning.
    """

    def __init__(self, hook: LogsHook, kind: JobKind, job: str, context: Any) -> None:
        """Start where the last try of the task stopped."""
        self._store = context.get("task_state_store")
        kept = None if self._store is None else self._store.get(KEY)
        super().__init__(hook, kind, LogPosition.of(job, kept))

    def print_new(self) -> bool:
        """Print new lines; return whether there were any."""
        if is_new := super().print_new():
            self.keep(self.position)
        return is_new

    def keep(self, position: LogPosition) -> None:
        """Set the position, for the next try too."""
        self.position = position
        if self._store is not None:
            self._store.set(KEY, position.to_dict())
