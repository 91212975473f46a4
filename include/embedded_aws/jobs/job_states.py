"""States that all kinds of jobs share: from InProgress to the final status."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from embedded_aws.jobs.failure import internal_error, reason
from embedded_aws.store.resources import Document, Kind

FINAL = ("Completed", "Failed", "Stopped")


class States(ABC):
    """InProgress → Completed, Failed or (through Stopping) Stopped; a subclass knows its own steps."""

    kind: ClassVar[Kind]
    times: ClassVar[str]  # <times>StartTime and <times>EndTime are its members
    defaults: ClassVar[Document] = {}

    @property
    def status(self) -> str:
        """The member that holds the status."""
        return self.kind.status_member

    def new(self, request: Document, arn: str, now: float) -> Document:
        """The document of a job just accepted."""
        return {
            **self.defaults,
            **{name: value for name, value in request.items() if name != "Tags"},
            f"{self.kind.name}Arn": arn,
            self.status: "InProgress",
            "CreationTime": now,
            "LastModifiedTime": now,
        }

    def start(self, document: Document, now: float) -> None:
        """An agent took the job from the queue."""
        document[f"{self.times}StartTime"] = now

    def complete(self, document: Document, now: float) -> None:
        """It is done."""
        self._end(document, "Completed", now)

    def fail(self, document: Document, message: str, now: float) -> None:
        """It failed, and why."""
        document["FailureReason"] = reason(message)
        self._end(document, "Failed", now)

    def fault(self, document: Document, message: str, now: float) -> None:
        """It failed through no fault of its own."""
        self.fail(document, internal_error(message), now)

    def ask_to_stop(self, document: Document, _now: float) -> None:
        """A client asked for its end."""
        document[self.status] = "Stopping"

    def stop(self, document: Document, now: float) -> None:
        """It has ended because a client asked."""
        self._end(document, "Stopped", now)

    def is_overdue(self, _document: Document, _now: float) -> bool:
        """Whether it has waited and run for longer than the request allows."""
        return False

    def exceed_wait(self, document: Document, now: float) -> None:
        """It is ended because it is overdue."""
        self.stop(document, now)

    @abstractmethod
    def max_runtime_s(self, document: Document) -> float:
        """How long its containers may still run."""

    def is_final(self, document: Document) -> bool:
        """Whether nothing more happens to the job."""
        return bool(document[self.status] in FINAL)

    def is_stopping(self, document: Document) -> bool:
        """Whether a client asked for its end."""
        return bool(document[self.status] == "Stopping")

    def _end(self, document: Document, status: str, now: float) -> None:
        document[self.status] = status
        document[f"{self.times}EndTime"] = now
