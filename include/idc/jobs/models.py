"""A candidate as SageMaker's model, and the endpoint that serves it."""

from __future__ import annotations

from typing import Any

from idc.jobs.hosting import EndpointSpec, production_variant
from idc.jobs.variants import variant
from idc.registry import Candidate
from idc.settings import Settings


def model_request(settings: Settings, candidate: Candidate) -> dict[str, Any]:
    """Return a `CreateModel` request without a name, for a candidate in its variant's own container.

    The artifact's digest is part of the request: another artifact under the same address is another model.
    """
    container = variant(candidate.variant).container(settings, candidate)
    environment = {**container["Environment"], "MODEL_SHA256": candidate.model_sha256}
    return {
        "ExecutionRoleArn": settings.role_arn,
        "PrimaryContainer": {**container, "Environment": environment},
    }


def endpoint_spec(settings: Settings, candidate: Candidate) -> EndpointSpec:
    """Return the endpoint that serves the candidate."""
    served = production_variant(
        instance_type=settings.endpoint_instance_type, instance_count=settings.endpoint_instance_count
    )
    return EndpointSpec(settings.endpoint_name, model_request(settings, candidate), served)
