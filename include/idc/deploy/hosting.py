"""Requests for an endpoint: a model and an endpoint configuration, both named by what is in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from idc.jobs.spec import digest_of, named_by_digest

VARIANT = "AllTraffic"
STARTUP_S = 600


@dataclass(frozen=True)
class EndpointSpec:
    """An endpoint as it should be: its name, the model it serves and how, and how traffic gets there.

    Models and configurations are immutable in SageMaker, so a change of either is a resource of another name.
    `deployment` is an update's `DeploymentConfig` without the alarms, which are `PutMetricAlarm` requests;
    `scaling` holds two requests of Application Auto Scaling's, `target` and `policy`; `keep` is how many
    earlier configurations stay.
    """

    endpoint: str
    model: Mapping[str, Any]
    variant: Mapping[str, Any]
    capture: Mapping[str, Any] | None = None
    deployment: Mapping[str, Any] | None = None
    alarms: Sequence[Mapping[str, Any]] = field(default_factory=list)
    scaling: Mapping[str, Any] | None = None
    keep: int = 3

    @property
    def model_name(self) -> str:
        """The model's name, which follows from the request that creates it."""
        return named_by_digest(self.endpoint, digest_of(self.model))

    @property
    def config_name(self) -> str:
        """The endpoint configuration's name, which follows from the model's and from how it is served."""
        return named_by_digest(self.endpoint, digest_of(self._config_body()))

    @property
    def variant_name(self) -> str:
        """The production variant's name."""
        return str(self.variant["VariantName"])

    @property
    def limit_s(self) -> int:
        """How long one change of the endpoint may take, in seconds."""
        policy = (self.deployment or {}).get("BlueGreenUpdatePolicy", {})
        return 2 * STARTUP_S + int(policy.get("MaximumExecutionTimeoutInSeconds", 2400))

    def model_request(self) -> dict[str, Any]:
        """Return the `CreateModel` request."""
        return {"ModelName": self.model_name, **self.model}

    def config_request(self) -> dict[str, Any]:
        """Return the `CreateEndpointConfig` request."""
        return {"EndpointConfigName": self.config_name, **self._config_body()}

    def endpoint_request(self) -> dict[str, Any]:
        """Return the `CreateEndpoint` request."""
        return {"EndpointName": self.endpoint, "EndpointConfigName": self.config_name}

    def update_request(self) -> dict[str, Any]:
        """Return the `UpdateEndpoint` request: the traffic shifts, and goes back when an alarm is raised."""
        if self.deployment is None:
            return self.endpoint_request()
        names = [{"AlarmName": alarm["AlarmName"]} for alarm in self.alarms]
        rollback = {"AutoRollbackConfiguration": {"Alarms": names}} if names else {}
        return {**self.endpoint_request(), "DeploymentConfig": {**self.deployment, **rollback}}

    def to_dict(self) -> dict[str, Any]:
        """Return the specification as plain values that a task can hand to the next."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the specification that `to_dict` wrote."""
        return cls(**values)

    def _config_body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"ProductionVariants": [{**self.variant, "ModelName": self.model_name}]}
        return {**body, "DataCaptureConfig": self.capture} if self.capture else body


def production_variant(
    *,
    instance_type: str,
    instance_count: int,
    name: str = VARIANT,
    startup_timeout_s: int = STARTUP_S,
) -> dict[str, Any]:
    """Return the one production variant that takes all traffic, without its model."""
    return {
        "VariantName": name,
        "InstanceType": instance_type,
        "InitialInstanceCount": instance_count,
        "InitialVariantWeight": 1.0,
        "ContainerStartupHealthCheckTimeoutInSeconds": startup_timeout_s,
        "ModelDataDownloadTimeoutInSeconds": startup_timeout_s,
    }
