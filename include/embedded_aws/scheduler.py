"""The scheduler of jobs: so many at once, the rest in order of arrival; and jobs whose agent died."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from embedded_aws import processes
from embedded_aws.agents.job import JobAgent
from embedded_aws.agents.processing import ProcessingAgent
from embedded_aws.agents.training import TrainingAgent
from embedded_aws.jobs import failure
from embedded_aws.settings import Settings
from embedded_aws.store import Document, Row, Store

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Fork = Callable[[Callable[[int, int], None], Callable[[Store], None]], None]

AGENTS: tuple[type[JobAgent], ...] = (TrainingAgent, ProcessingAgent)
AGENT_DIED = "the process in charge of the job ended unexpectedly. Please try again."


class Scheduler:
    """Starts jobs and ends those nobody looks after any more."""

    def __init__(self, settings: Settings, store: Store, s3: S3Client, isolation: str, fork: Fork) -> None:
        self._settings = settings
        self._store = store
        self._s3 = s3
        self._isolation = isolation
        self._fork = fork

    def advance(self) -> None:
        """Settle jobs whose agent died or that were stopped while waiting, then start the next ones."""
        agents = {arn: (pid, started) for arn, pid, started in self._store.query("SELECT * FROM agent")}
        waiting: list[tuple[Row, type[JobAgent]]] = []
        running = 0
        for agent in AGENTS:
            for row in self._store.with_status(agent.kind, "InProgress", "Stopping"):
                if row.arn in agents and processes.is_alive(*agents[row.arn]):
                    running += 1
                elif row.arn in agents:
                    self._settle(agent, row)
                elif row.status == "Stopping":
                    self._store.update(agent.kind, row.name, _stopped(agent))
                else:
                    waiting.append((row, agent))
        waiting.sort(key=lambda pair: pair[0].created)
        for row, agent in waiting[: max(0, self._settings.concurrent_jobs - running)]:
            self._start(agent, row)

    def _start(self, agent: type[JobAgent], row: Row) -> None:
        """Fork the job's agent."""

        def note(pid: int, started: int) -> None:
            self._store.execute("INSERT OR REPLACE INTO agent VALUES (?, ?, ?)", (row.arn, pid, started))

        def run(store: Store) -> None:
            agent(self._settings, store, self._s3, self._isolation, row.name).run()

        self._fork(note, run)

    def _settle(self, agent: type[JobAgent], row: Row) -> None:
        """The job's agent died: end what it left and fail the job, or stop it if that was asked."""
        left = [own for own in processes.belonging_to(self._settings.home) if own.owner == row.arn]
        processes.kill([own.process for own in left if own.role == "container"])
        shutil.rmtree(self._settings.work_dir / agent.kind.name / row.name, ignore_errors=True)

        def change(document: Document) -> None:
            if agent.states.is_final(document):
                return
            if document[agent.states.STATUS] == "Stopping":
                agent.states.stop(document, time.time())
            else:
                agent.states.fail(document, failure.internal_error(AGENT_DIED), time.time())

        self._store.update(agent.kind, row.name, change)
        self._store.execute("DELETE FROM agent WHERE arn = ?", (row.arn,))


def _stopped(agent: type[JobAgent]) -> Callable[[Document], None]:
    """The change that stops a job which never started."""

    def change(document: Document) -> None:
        if not agent.states.is_final(document):
            agent.states.stop(document, time.time())

    return change
