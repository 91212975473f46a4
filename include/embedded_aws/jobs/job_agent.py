"""Agent: the process that takes one job from the queue to its final status."""

from __future__ import annotations

import os
import shutil
import signal
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, ClassVar

from embedded_aws.errors import DownloadError, UnknownRuntime, UnsafeArtifact
from embedded_aws.jobs import failure
from embedded_aws.jobs.job_states import States
from embedded_aws.settings import Settings
from embedded_aws.store.resources import Document, Store

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

STOPPED_WITH_SERVICE = "the embedded AWS was stopped while the job was running"


class ShutDown(BaseException):
    """The embedded AWS is being stopped."""


class StopAsked(Exception):
    """A client asked for the end of the job before its containers ran."""


class AlreadyFinal(Exception):
    """The job has ended by another hand."""


class JobAgent(ABC):
    """What all sorts of jobs have in common; a subclass knows the work."""

    states: ClassVar[States]
    log_group: ClassVar[str]

    def __init__(self, settings: Settings, store: Store, s3: S3Client, isolation: str, name: str) -> None:
        self.settings = settings
        self.store = store
        self.s3 = s3
        self.isolation = isolation
        self.name = name
        self.kind = self.states.kind
        self.document = store.get(self.kind, name) or {}
        self.directory = settings.work_dir / self.kind.name / name

    @property
    def arn(self) -> str:
        """The job's ARN."""
        return str(self.document[f"{self.kind.name}Arn"])

    @abstractmethod
    def work(self) -> None:
        """Do the job in its directory, which is there and empty, and bring it to its final status."""

    @abstractmethod
    def release(self) -> None:
        """End every process and thread the work may have left, at once."""

    def run(self) -> None:
        """Look after the job until its status is final."""
        signal.signal(signal.SIGTERM, _shut_down)
        try:
            shutil.rmtree(self.directory, ignore_errors=True)
            self.directory.mkdir(parents=True)
            self.check_stop()
            self.work()
        except AlreadyFinal:
            pass  # nothing left to decide
        except StopAsked:
            self.change(self.states.stop)
        except ShutDown:
            self._end(self.states.fault, STOPPED_WITH_SERVICE)
        except (DownloadError, UnknownRuntime, UnsafeArtifact) as error:
            self._end(self.states.fail, failure.client_error(str(error)))
        except Exception as error:  # noqa: BLE001 - whatever it is, the job must not stay InProgress
            traceback.print_exc()
            self._end(self.states.fault, f"{type(error).__name__}: {error}")
        finally:
            self.release()
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

    def _end(self, ending: Callable[[Document, str, float], None], message: str) -> None:
        """End the job badly, or as stopped if that was asked for meanwhile."""

        def transition(document: Document, now: float) -> None:
            if self.states.is_stopping(document):
                self.states.stop(document, now)
            else:
                ending(document, message, now)

        try:
            self.change(transition)
        except AlreadyFinal:
            return


def _shut_down(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise ShutDown
