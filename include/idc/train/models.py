"""Make SageMaker's model of a candidate."""

from __future__ import annotations

from typing import Any

from idc.settings import Settings
from idc.train.candidates import Candidate
from idc.variants.all import variant


def served_container(settings: Settings, candidate: Candidate) -> dict[str, Any]:
    """Return the container that serves a candidate.

    It names the SHA-256 of the artifact, so that new content under an old address is a new model.
    """
    container = variant(candidate.variant).container(settings, candidate.model_data)
    environment = {**container["Environment"], "MODEL_SHA256": candidate.model_sha256}
    return {**container, "Environment": environment}


def model_request(settings: Settings, candidate: Candidate) -> dict[str, Any]:
    """Return a `CreateModel` request without a name, for a candidate in its variant's own container."""
    return {
        "ExecutionRoleArn": settings.role_arn,
        "PrimaryContainer": served_container(settings, candidate),
    }
