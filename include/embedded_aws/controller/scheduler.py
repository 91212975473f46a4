"""Schedules jobs in order of arrival, up to the limit, and settles jobs whose agent died."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from embedded_aws.jobs.job_agent import JobAgent
from embedded_aws.processing.processing_agent import ProcessingAgent
from embedded_aws.settings import Settings
from embedded_aws.store.resources import Document, Row, Store
from embedded_aws.supervision import processes
from embedded_aws.training.training_agent import TrainingAgent
from embedded_aws.transform.transform_agent import TransformAgent

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Fork = Callable[[Callable[[int, int], None], Callable[[Store], None]], None]

AGENTS: tuple[type[JobAgent], ...] = (TrainingAgent, ProcessingAgent, TransformAgent)
OVERDUE_PERIOD_S = 0.5
# Conditions on jobs of a kind. The plus sign keeps SQLite from going through all jobs of the kind.
IN_HAND = "+kind = ? AND arn IN (SELECT arn FROM agent) AND status IN ('InProgress', 'Stopping')"
STOPPED = "kind = ? AND status = 'Stopping' AND arn NOT IN (SELECT arn FROM agent)"
WAITING = "kind = ? AND status = 'InProgress' AND arn NOT IN (SELECT arn FROM agent)"
AGENT_DIED = "the process in charge of the job ended unexpectedly. Please try again."


class Scheduler:
    """Starts jobs and ends those nobody looks after any more."""

    def __init__(self, settings: Settings, store: Store, s3: S3Client, isolation: str, fork: Fork) -> None:
        self._settings = settings
        self._store = store
        self._s3 = s3
        self._isolation = isolation
        self._fork = fork
        self._next_overdue = 0.0

    def advance(self) -> None:
        """Settle jobs whose agent died or that were stopped while waiting, then start the next ones.

        What it reads grows with the jobs that run, not with those that wait.
        """
        agents = {arn: (pid, started) for arn, pid, started in self._store.query("SELECT * FROM agent")}
        dead = {arn for arn, process in agents.items() if not processes.is_alive(*process)}
        running = 0
        for agent in AGENTS:
            for row in self._jobs(agent, IN_HAND):
                if row.arn in dead:
                    self._settle(agent, row)
                elif row.arn in agents:
                    running += 1
            for row in self._jobs(agent, STOPPED):
                self._end(agent, row, agent.states.stop)
        for arn in dead:
            self._forget(arn, agents[arn][0])
        self._end_overdue()
        free = max(0, self._settings.concurrent_jobs - running)
        waiting = [(row, agent) for agent in AGENTS for row in self._jobs(agent, WAITING, free)]
        waiting.sort(key=lambda pair: pair[0].created)
        for row, agent in waiting[:free]:
            self._start(agent, row)

    def _jobs(self, agent: type[JobAgent], condition: str, limit: int = -1) -> list[Row]:
        """The oldest jobs of a sort that meet the condition."""
        return self._store.select(condition, (agent.states.kind.name,), "created, rowid", limit)

    def _forget(self, arn: str, pid: int) -> None:
        """Forget an agent that is dead, and remove what it left though its job had ended."""
        if not self._store.query("SELECT 1 FROM agent WHERE arn = ? AND pid = ?", (arn, pid)):
            return  # its job has been settled
        self._kill_containers(arn)
        kind, _, name = arn.rpartition(":")[2].partition("/")
        for agent in AGENTS:
            if agent.states.kind.arn_type == kind:
                shutil.rmtree(self._settings.work_dir / agent.states.kind.name / name, ignore_errors=True)
        self._store.execute("DELETE FROM agent WHERE arn = ? AND pid = ?", (arn, pid))

    def _kill_containers(self, arn: str) -> None:
        left = [own for own in processes.belonging_to(self._settings.home) if own.owner == arn]
        processes.kill([own.process for own in left if own.role == "container"])

    def _end_overdue(self) -> None:
        """End the jobs that have waited too long; looks at them all, so not at every wake-up."""
        if time.monotonic() < self._next_overdue:
            return
        self._next_overdue = time.monotonic() + OVERDUE_PERIOD_S
        for agent in AGENTS:
            for row in self._jobs(agent, f"{WAITING} AND document LIKE '%\"MaxWaitTimeInSeconds\"%'"):
                if agent.states.is_overdue(row.document, time.time()):
                    self._end(agent, row, agent.states.exceed_wait)

    def _start(self, agent: type[JobAgent], row: Row) -> None:
        """Fork the job's agent."""

        def note(pid: int, started: int) -> None:
            self._store.execute("INSERT OR REPLACE INTO agent VALUES (?, ?, ?)", (row.arn, pid, started))

        def run(store: Store) -> None:
            agent(self._settings, store, self._s3, self._isolation, row.name).run()

        self._fork(note, run)

    def _settle(self, agent: type[JobAgent], row: Row) -> None:
        """The job's agent died: end what it left and fail the job, or stop it if that was asked."""
        if not self._store.query("SELECT 1 FROM agent WHERE arn = ?", (row.arn,)):
            return  # it was done, and gone since we looked
        self._kill_containers(row.arn)
        shutil.rmtree(self._settings.work_dir / agent.states.kind.name / row.name, ignore_errors=True)

        def change(document: Document) -> None:
            if agent.states.is_final(document):
                return
            if agent.states.is_stopping(document):
                agent.states.stop(document, time.time())
            else:
                agent.states.fault(document, AGENT_DIED, time.time())

        self._store.update(agent.states.kind, row.name, change)
        self._store.execute("DELETE FROM agent WHERE arn = ?", (row.arn,))

    def _end(self, agent: type[JobAgent], row: Row, ending: Callable[[Document, float], None]) -> None:
        """End a job nobody looks after just now, unless it has ended."""

        def change(document: Document) -> None:
            if not agent.states.is_final(document):
                ending(document, time.time())

        self._store.update(agent.states.kind, row.name, change)
