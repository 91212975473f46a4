"""The process that looks after one job: from the queue to its final status."""

from __future__ import annotations

import os
import shutil
import signal
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, ClassVar, Protocol

from embedded_aws import metrics
from embedded_aws.agents.watch import Ending, Limits, Outcome, Watch
from embedded_aws.containers import Container, Specification
from embedded_aws.errors import DownloadError, UnknownRuntime, UnsafeArtifact
from embedded_aws.jobs import failure
from embedded_aws.logs import StreamName, StreamWriter
from embedded_aws.settings import Settings
from embedded_aws.store import Document, Kind, Store

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

STOPPED_WITH_SERVICE = "the embedded AWS was stopped while the job was running"


class States(Protocol):
    """The state machine of a sort of job, as an agent uses it."""

    STATUS: str

    def fail(self, document: Document, message: str, now: float) -> None:
        """It failed."""

    def stop(self, document: Document, now: float) -> None:
        """It was stopped."""

    def is_final(self, document: Document) -> bool:
        """Whether it has ended."""

    def max_runtime_s(self, document: Document) -> float:
        """How long it may run."""


class ShutDown(BaseException):
    """The embedded AWS is being stopped."""


class StopAsked(Exception):
    """A client asked for the end of the job before its containers ran."""


class AlreadyFinal(Exception):
    """The job has ended by another hand."""


class JobAgent(ABC):
    """What all sorts of jobs have in common; a subclass knows its inputs and outputs."""

    kind: ClassVar[Kind]
    states: ClassVar[States]
    log_group: ClassVar[str]

    def __init__(self, settings: Settings, store: Store, s3: S3Client, isolation: str, name: str) -> None:
        self.settings = settings
        self.store = store
        self.s3 = s3
        self.isolation = isolation
        self.name = name
        self.document = store.get(self.kind, name) or {}
        self.directory = settings.work_dir / self.kind.name / name
        self._watch: Watch | None = None

    @property
    def arn(self) -> str:
        """The job's ARN."""
        return str(self.document[f"{self.kind.name}Arn"])

    @abstractmethod
    def prepare(self) -> list[Specification]:
        """Fetch the inputs and say what to run, one container an instance."""

    def begin(self) -> None:  # noqa: B027 - nothing to do unless the subclass says so
        """The containers are about to start."""

    @abstractmethod
    def collect(self, outcome: Outcome) -> None:
        """Store what the containers left and bring the job to its final status."""

    def metric_definitions(self) -> list[dict[str, str]]:
        """The regular expressions to look for in the log."""
        return []

    def run(self) -> None:
        """Look after the job until its status is final."""
        signal.signal(signal.SIGTERM, _shut_down)
        try:
            self._run()
        except AlreadyFinal:
            pass  # nothing left to decide
        except StopAsked:
            self.change(self.states.stop)
        except ShutDown:
            self.fail(failure.internal_error(STOPPED_WITH_SERVICE))
        except (DownloadError, UnknownRuntime, UnsafeArtifact) as error:
            self.fail(failure.client_error(str(error)))
        except Exception as error:  # noqa: BLE001 - whatever it is, the job must not stay InProgress
            traceback.print_exc()
            self.fail(failure.internal_error(f"{type(error).__name__}: {error}"))
        finally:
            if self._watch is not None:
                self._watch.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
        self.store.execute("DELETE FROM agent WHERE arn = ? AND pid = ?", (self.arn, os.getpid()))

    def change(self, transition: Callable[[Document, float], None]) -> None:
        """Make a transition, unless the job has ended by another hand.

        Raises:
            AlreadyFinal: it has.
        """

        def guarded(document: Document) -> None:
            if self.states.is_final(document):
                raise AlreadyFinal
            transition(document, time.time())

        document = self.store.update(self.kind, self.name, guarded)
        if document is None:
            raise AlreadyFinal
        self.document = document

    def fail(self, message: str) -> None:
        """Fail the job, or stop it if that was asked for meanwhile."""

        def transition(document: Document, now: float) -> None:
            if document[self.states.STATUS] == "Stopping":
                self.states.stop(document, now)
            else:
                self.states.fail(document, message, now)

        try:
            self.change(transition)
        except AlreadyFinal:
            return

    def is_stop_asked(self) -> bool:
        """Whether a client asked for the job's end."""
        return self.store.status(self.kind, self.name) in (None, "Stopping")

    def check_stop(self) -> None:
        """Raise StopAsked if a client asked for the job's end."""
        if self.is_stop_asked():
            raise StopAsked

    def threads(self) -> int:
        """The share of the cores this job may use: all of them divided by the jobs that run."""
        running = int(self.store.query("SELECT count(*) FROM agent")[0][0])
        return max(1, self.settings.cores // max(1, running))

    def _run(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        self.check_stop()
        specifications = self.prepare()
        self.check_stop()
        self.begin()
        epoch = int(time.time())
        writers = [
            StreamWriter(
                self.settings, StreamName(self.log_group, f"{self.name}/{specification.hostname}-{epoch}")
            )
            for specification in specifications
        ]
        containers = [Container(specification, self.isolation) for specification in specifications]
        self._watch = Watch(containers, writers, metrics.Extractor(self.metric_definitions()))
        limits = Limits(
            self.states.max_runtime_s(self.document),
            memory_limit_bytes(self.settings),
            self.settings.stop_grace_s,
        )
        outcome = self._watch.run(limits, self.is_stop_asked, self._take_points)
        for writer in writers:
            writer.close()
        self.collect(outcome)

    def _take_points(self, points: list[metrics.Point]) -> None:
        metrics.record(self.store, self.arn, points)

        def show(document: Document) -> None:
            document["FinalMetricDataList"] = metrics.final(self.store, self.arn)

        self.store.update(self.kind, self.name, show)


def failure_of(outcome: Outcome, message: str, limit_bytes: int) -> str:
    """The reason of a job whose containers ended badly."""
    if outcome.ending is Ending.MEMORY:
        message = f"the containers used more than {limit_bytes // 2**20} MB of memory and were killed"
        return failure.algorithm_error(message, failure.OUT_OF_MEMORY_EXIT)
    return failure.algorithm_error(message, outcome.exit_code)


def memory_limit_bytes(settings: Settings) -> int:
    """What the containers of a job may use: the setting, or nine tenths of the machine's memory."""
    if settings.memory_limit_mb:
        return settings.memory_limit_mb * 2**20
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 9 // 10


def instance_directory(directory: Path, host: str) -> Path:
    """The directory one instance of a job sees at /opt/ml."""
    path = directory / host / "ml"
    path.mkdir(parents=True, exist_ok=True)
    return path


def _shut_down(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise ShutDown
