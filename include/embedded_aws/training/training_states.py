"""States of a training job, by the service's own status and secondary status names.

InProgress: Starting → Downloading → Training → Uploading → Completed, or Failed from any of them.
When stopped: Stopping → Uploading → Stopped; past its time: MaxRuntimeExceeded or MaxWaitTimeExceeded.
A spot job may be Interrupted, a job with a retry strategy Restarting: both begin again with Starting.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/model-managed-spot-training-status.html
"""

from __future__ import annotations

from typing import ClassVar

from embedded_aws.jobs.failure import reason
from embedded_aws.jobs.job_states import States
from embedded_aws.store.kinds import TRAINING_JOB
from embedded_aws.store.resources import Document

SECONDARY = "SecondaryStatus"
MESSAGES = {
    "Starting": "Starting the training job",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Stopping": "Stopping the training job",
    "Completed": "Training job completed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "MaxWaitTimeExceeded": "Training job runtime exceeded MaxWaitTimeInSeconds provided",
    "Interrupted": "The managed spot training instances were interrupted",
    "Restarting": "Restarting the training job",
}
AGAIN = ("Interrupted", "Restarting")
PAID = ("Downloading", "Training", "Uploading", "Stopping")
SPOT_PRICE = 0.3  # of the time a spot job trains, the part that is billed
DEFAULT_MAX_RUNTIME_S = 86_400
CHECKPOINTS = "/opt/ml/checkpoints"


class TrainingStates(States):
    """The changes a training job's document goes through."""

    kind = TRAINING_JOB
    times = "Training"
    defaults: ClassVar[Document] = {
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": False,
        "EnableManagedSpotTraining": False,
    }

    def new(self, request: Document, arn: str, now: float) -> Document:
        """The document of a job just accepted."""
        document = {**super().new(request, arn, now), "SecondaryStatusTransitions": []}
        document["OutputDataConfig"] = {"KmsKeyId": "", **document.get("OutputDataConfig", {})}
        _move(document, "Starting", now)
        return document

    def start(self, document: Document, now: float) -> None:
        """An agent took the job from the queue; it is billed only from its download on."""
        if document[SECONDARY] in AGAIN:
            self._advance(document, "Starting", now)
        document["SecondaryStatusTransitions"][-1]["StatusMessage"] = "Preparing the instances for training"

    def download(self, document: Document, now: float) -> None:
        """Input data is being fetched; the job is billed from here."""
        self._advance(document, "Downloading", now)
        document.setdefault("TrainingStartTime", now)

    def train(self, document: Document, now: float) -> None:
        """The container runs."""
        self._advance(document, "Training", now)

    def upload(self, document: Document, now: float) -> None:
        """What the container left is being uploaded, of a stopped job too."""
        _move(document, "Uploading", now)

    def interrupt(self, document: Document, now: float) -> None:
        """Its spot instances were taken away; it waits for others."""
        self._advance(document, "Interrupted", now)

    def complete(self, document: Document, now: float) -> None:
        """It is done."""
        self._close(document, "Completed", "Completed", MESSAGES["Completed"], now)

    def fail(self, document: Document, message: str, now: float) -> None:
        """It failed, and why."""
        document["FailureReason"] = reason(message)
        self._close(document, "Failed", "Failed", document["FailureReason"], now)

    def fault(self, document: Document, message: str, now: float) -> None:
        """It failed through no fault of its own: it begins again if its retry strategy has attempts left."""
        retries = document.get("_retries", 0)
        if retries >= document.get("RetryStrategy", {}).get("MaximumRetryAttempts", 0):
            super().fault(document, message, now)
            return
        document["_retries"] = retries + 1
        self._advance(document, "Restarting", now)

    def ask_to_stop(self, document: Document, now: float) -> None:
        """A client asked for its end."""
        super().ask_to_stop(document, now)
        _move(document, "Stopping", now)

    def stop(self, document: Document, now: float) -> None:
        """It has ended because a client asked."""
        self._close(document, "Stopped", "Stopped", MESSAGES["Stopped"], now)

    def exceed_runtime(self, document: Document, now: float) -> None:
        """It has been ended because its time was up."""
        self._close(document, "Stopped", "MaxRuntimeExceeded", MESSAGES["MaxRuntimeExceeded"], now)

    def exceed_wait(self, document: Document, now: float) -> None:
        """It has been ended because it waited and ran for longer than it might."""
        if not self.is_stopping(document):
            self.ask_to_stop(document, now)
        self._close(document, "Stopped", "MaxWaitTimeExceeded", MESSAGES["MaxWaitTimeExceeded"], now)

    def is_spot(self, document: Document) -> bool:
        """Whether it runs on managed spot instances."""
        return bool(document["EnableManagedSpotTraining"])

    def is_overdue(self, document: Document, now: float) -> bool:
        """Whether a spot job has waited and run for longer than MaxWaitTimeInSeconds."""
        limit_s = document.get("StoppingCondition", {}).get("MaxWaitTimeInSeconds")
        return limit_s is not None and now - document["CreationTime"] > limit_s

    def max_runtime_s(self, document: Document) -> float:
        """How long its containers may still run: the limit is for all attempts together."""
        limit_s = document.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_S)
        return float(max(0, limit_s - _spent_s(document, ("Training",))))

    def _close(self, document: Document, status: str, secondary: str, message: str, now: float) -> None:
        _move(document, secondary, now, message)
        document["SecondaryStatusTransitions"][-1]["EndTime"] = now
        self._end(document, status, now)
        if "TrainingStartTime" in document:
            least = 2 if self.is_spot(document) else 1  # so that a saving can be told
            seconds = max(least, round(_spent_s(document, PAID)))
            billed = max(1, int(seconds * SPOT_PRICE)) if self.is_spot(document) else seconds
            document["TrainingTimeInSeconds"], document["BillableTimeInSeconds"] = seconds, billed

    def _advance(self, document: Document, secondary: str, now: float) -> None:
        """The next step, unless a client asked for the end meanwhile: that stays visible."""
        if document[self.status] == "InProgress":
            _move(document, secondary, now)


def _spent_s(document: Document, secondary: tuple[str, ...]) -> float:
    """The seconds spent in these secondary statuses and done with."""
    return sum(
        float(transition["EndTime"] - transition["StartTime"])
        for transition in document["SecondaryStatusTransitions"]
        if transition["Status"] in secondary and "EndTime" in transition
    )


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


STATES = TrainingStates()
