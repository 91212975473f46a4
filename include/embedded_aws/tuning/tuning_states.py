"""States of a tuning job: InProgress → Completed, Failed or (through Stopping) Stopped.

A tuning job has no containers: the controller runs it by starting training jobs.
"""

from __future__ import annotations

import math

from embedded_aws.jobs.job_states import States
from embedded_aws.store.kinds import TUNING_JOB
from embedded_aws.store.resources import Document
from embedded_aws.tuning import definitions


class TuningStates(States):
    """The changes a tuning job's document goes through."""

    kind = TUNING_JOB
    times = "HyperParameterTuning"

    def new(self, request: Document, arn: str, now: float) -> Document:
        """The document of a job just accepted."""
        document = super().new(request, arn, now)
        config = {"TrainingJobEarlyStoppingType": "Off", **document["HyperParameterTuningJobConfig"]}
        return {**document, **definitions.described(request), "HyperParameterTuningJobConfig": config}

    def max_runtime_s(self, document: Document) -> float:
        """How long the whole search may take, from its creation."""
        limits = document["HyperParameterTuningJobConfig"]["ResourceLimits"]
        return float(limits.get("MaxRuntimeInSeconds", math.inf))


STATES = TuningStates()
