"""A candidate as SageMaker's model, and a registered version as an endpoint that serves it."""

from __future__ import annotations

from typing import Any

from idc.deploy import rollout
from idc.deploy.hosting import EndpointSpec, production_variant
from idc.settings import Settings
from idc.train.candidates import Candidate
from idc.variants.all import variant


def served_container(settings: Settings, candidate: Candidate) -> dict[str, Any]:
    """Return the container that serves a candidate.

    The artifact's digest is part of it: another artifact under the same address is another model.
    """
    container = variant(candidate.variant).container(settings, candidate)
    environment = {**container["Environment"], "MODEL_SHA256": candidate.model_sha256}
    return {**container, "Environment": environment}


def model_request(settings: Settings, candidate: Candidate) -> dict[str, Any]:
    """Return a `CreateModel` request without a name, for a candidate in its variant's own container."""
    return {
        "ExecutionRoleArn": settings.role_arn,
        "PrimaryContainer": served_container(settings, candidate),
    }


def endpoint_spec(
    settings: Settings, *, package: str, name: str, style: rollout.Style | None = None
) -> EndpointSpec:
    """Return the endpoint that serves the version `package` of the model registry, an ARN.

    `name` is the production variant's; `style` how traffic moves, the settings' own unless it is given.
    """
    endpoint = settings.endpoint_name
    served = production_variant(
        instance_type=settings.endpoint_instance_type,
        instance_count=settings.endpoint_instance_count,
        name=name,
    )
    return EndpointSpec(
        endpoint=endpoint,
        model={"ExecutionRoleArn": settings.role_arn, "PrimaryContainer": {"ModelPackageName": package}},
        variant=served,
        capture=rollout.capture(settings),
        deployment=rollout.deployment(settings, style or settings.rollout),
        alarms=rollout.alarms(settings, endpoint, name),
        scaling=rollout.scaling(settings, endpoint, name),
        keep=settings.kept_models,
    )
