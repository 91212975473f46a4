"""States of a processing job: InProgress → Completed, Failed or (through Stopping) Stopped."""

from __future__ import annotations

from embedded_aws.jobs.failure import reason
from embedded_aws.jobs.job_states import States
from embedded_aws.store.kinds import PROCESSING_JOB
from embedded_aws.store.resources import Document

DEFAULT_MAX_RUNTIME_S = 86_400
RUNTIME_EXCEEDED = "Processing job runtime exceeded MaxRuntimeInSeconds provided"


class ProcessingStates(States):
    """The changes a processing job's document goes through."""

    kind = PROCESSING_JOB
    times = "Processing"

    def note_exit(self, document: Document, message: str) -> None:
        """What the container wrote to /opt/ml/output/message, if anything."""
        if message:
            document["ExitMessage"] = reason(message)

    def exceed_runtime(self, document: Document, now: float) -> None:
        """It has been ended because its time was up."""
        document["ExitMessage"] = RUNTIME_EXCEEDED
        self._end(document, "Stopped", now)

    def max_runtime_s(self, document: Document) -> float:
        """How long its containers may run."""
        condition = document.get("StoppingCondition", {})
        return float(condition.get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_S))


STATES = ProcessingStates()
