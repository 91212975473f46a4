"""The life of a processing job: InProgress → Completed, Failed or (through Stopping) Stopped."""

from __future__ import annotations

from embedded_aws.jobs.failure import reason
from embedded_aws.store import Document

STATUS = "ProcessingJobStatus"
FINAL = ("Completed", "Failed", "Stopped")
DEFAULT_MAX_RUNTIME_S = 86_400


def new(request: Document, arn: str, now: float) -> Document:
    """The document of a job just accepted."""
    return {
        **{name: value for name, value in request.items() if name != "Tags"},
        "ProcessingJobArn": arn,
        STATUS: "InProgress",
        "CreationTime": now,
        "LastModifiedTime": now,
    }


def start(document: Document, now: float) -> None:
    """An agent took the job from the queue."""
    document["ProcessingStartTime"] = now


def note_exit(document: Document, message: str) -> None:
    """What the container wrote to /opt/ml/output/message, if anything."""
    if message:
        document["ExitMessage"] = reason(message)


def complete(document: Document, now: float) -> None:
    """It is done."""
    _end(document, "Completed", now)


def fail(document: Document, message: str, now: float) -> None:
    """It failed, and why."""
    document["FailureReason"] = reason(message)
    _end(document, "Failed", now)


def ask_to_stop(document: Document) -> None:
    """A client asked for its end."""
    document[STATUS] = "Stopping"


def stop(document: Document, now: float) -> None:
    """It has ended because a client asked."""
    _end(document, "Stopped", now)


def exceed_runtime(document: Document, now: float) -> None:
    """It has been ended because its time was up."""
    document["ExitMessage"] = "Processing job runtime exceeded MaxRuntimeInSeconds provided"
    _end(document, "Stopped", now)


def is_final(document: Document) -> bool:
    """Whether nothing more happens to the job."""
    return document[STATUS] in FINAL


def max_runtime_s(document: Document) -> float:
    """How long the container may run."""
    condition = document.get("StoppingCondition", {})
    return float(condition.get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_S))


def _end(document: Document, status: str, now: float) -> None:
    document[STATUS] = status
    document["ProcessingEndTime"] = now
