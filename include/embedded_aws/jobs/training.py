"""The life of a training job, in the service's own status and secondary status names.

InProgress: Starting → Downloading → Training → Uploading → Completed, or Failed from any of them.
Stopping → Stopped when asked to stop; a job past its time ends Stopped with MaxRuntimeExceeded.
"""

from __future__ import annotations

from embedded_aws.jobs.failure import reason
from embedded_aws.store import Document

STATUS, SECONDARY = "TrainingJobStatus", "SecondaryStatus"
FINAL = ("Completed", "Failed", "Stopped")
MESSAGES = {
    "Starting": "Starting the training job",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Stopping": "Stopping the training job",
    "Completed": "Training job completed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
}
DEFAULTS = {
    "EnableNetworkIsolation": False,
    "EnableInterContainerTrafficEncryption": False,
    "EnableManagedSpotTraining": False,
}
DEFAULT_MAX_RUNTIME_S = 86_400


def new(request: Document, arn: str, now: float) -> Document:
    """The document of a job just accepted."""
    document = {
        **DEFAULTS,
        **{name: value for name, value in request.items() if name != "Tags"},
        "TrainingJobArn": arn,
        STATUS: "InProgress",
        "CreationTime": now,
        "LastModifiedTime": now,
        "SecondaryStatusTransitions": [],
    }
    _move(document, "Starting", now)
    return document


def prepare(document: Document, _now: float) -> None:
    """An agent took the job from the queue."""
    document["SecondaryStatusTransitions"][-1]["StatusMessage"] = "Preparing the instances for training"


def download(document: Document, now: float) -> None:
    """Input data is being fetched; the job is billed from here."""
    _advance(document, "Downloading", now)
    document["TrainingStartTime"] = now


def train(document: Document, now: float) -> None:
    """The container runs."""
    _advance(document, "Training", now)


def upload(document: Document, now: float) -> None:
    """What the container left is being uploaded."""
    _advance(document, "Uploading", now)


def complete(document: Document, now: float) -> None:
    """It is done."""
    _end(document, "Completed", "Completed", MESSAGES["Completed"], now)


def fail(document: Document, message: str, now: float) -> None:
    """It failed, and why."""
    document["FailureReason"] = reason(message)
    _end(document, "Failed", "Failed", document["FailureReason"], now)


def ask_to_stop(document: Document, now: float) -> None:
    """A client asked for its end."""
    document[STATUS] = "Stopping"
    _move(document, "Stopping", now)


def stop(document: Document, now: float) -> None:
    """It has ended because a client asked."""
    _end(document, "Stopped", "Stopped", MESSAGES["Stopped"], now)


def exceed_runtime(document: Document, now: float) -> None:
    """It has been ended because its time was up."""
    _end(document, "Stopped", "MaxRuntimeExceeded", MESSAGES["MaxRuntimeExceeded"], now)


def is_final(document: Document) -> bool:
    """Whether nothing more happens to the job."""
    return document[STATUS] in FINAL


def max_runtime_s(document: Document) -> float:
    """How long the container may run."""
    condition = document.get("StoppingCondition", {})
    return float(condition.get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_S))


def _end(document: Document, status: str, secondary: str, message: str, now: float) -> None:
    document[STATUS] = status
    _move(document, secondary, now, message)
    document["SecondaryStatusTransitions"][-1]["EndTime"] = now
    document["TrainingEndTime"] = now
    if "TrainingStartTime" in document:
        seconds = max(1, round(now - document["TrainingStartTime"]))
        document["TrainingTimeInSeconds"] = document["BillableTimeInSeconds"] = seconds


def _advance(document: Document, secondary: str, now: float) -> None:
    """The next step, unless a client asked for the end meanwhile: that stays visible."""
    if document[STATUS] == "InProgress":
        _move(document, secondary, now)


def _move(document: Document, secondary: str, now: float, message: str | None = None) -> None:
    transitions = document["SecondaryStatusTransitions"]
    if transitions:
        transitions[-1]["EndTime"] = now
    document[SECONDARY] = secondary
    transitions.append(
        {
            "Status": secondary,
            "StartTime": now,
            "StatusMessage": message or MESSAGES.get(secondary, secondary),
        }
    )
