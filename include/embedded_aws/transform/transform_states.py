"""States of a batch transform job: InProgress → Completed, Failed or (through Stopping) Stopped."""

from __future__ import annotations

import math

from embedded_aws.jobs.job_states import States
from embedded_aws.store.kinds import TRANSFORM_JOB
from embedded_aws.store.resources import Document

_INNER_DEFAULTS: dict[str, Document] = {
    "TransformInput": {"CompressionType": "None", "SplitType": "None"},
    "TransformOutput": {"AssembleWith": "None"},
    "DataProcessing": {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"},
}


class TransformStates(States):
    """The changes a batch transform job's document goes through."""

    kind = TRANSFORM_JOB
    times = "Transform"

    def new(self, request: Document, arn: str, now: float) -> Document:
        """The document of a job just accepted."""
        document = super().new(request, arn, now)
        for member, defaults in _INNER_DEFAULTS.items():
            document[member] = {**defaults, **document.get(member, {})}
        return document

    def max_runtime_s(self, _document: Document) -> float:
        """How long it may still run: for ever, as the service lets it for 28 days."""
        return math.inf


STATES = TransformStates()
