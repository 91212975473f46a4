"""Requests for an endpoint: a model and an endpoint configuration, both named by what is in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from idc.jobs.spec import digest_of, named_by_digest

VARIANT = "AllTraffic"


@dataclass(frozen=True)
class EndpointSpec:
    """An endpoint as it should be: its name, the model it serves and how.

    Models and configurations are immutable in SageMaker, so a change of either is a resource of another name.
    """

    endpoint: str
    model: Mapping[str, Any]
    variant: Mapping[str, Any]

    @property
    def model_name(self) -> str:
        """The model's name, which follows from the request that creates it."""
        return named_by_digest(self.endpoint, digest_of(self.model))

    @property
    def config_name(self) -> str:
        """The endpoint configuration's name, which follows from the model's and from how it is served."""
        return named_by_digest(self.endpoint, digest_of(self._config_body()))

    def model_request(self) -> dict[str, Any]:
        """Return the `CreateModel` request."""
        return {"ModelName": self.model_name, **self.model}

    def config_request(self) -> dict[str, Any]:
        """Return the `CreateEndpointConfig` request."""
        return {"EndpointConfigName": self.config_name, **self._config_body()}

    def endpoint_request(self) -> dict[str, str]:
        """Return the `CreateEndpoint` or `UpdateEndpoint` request."""
        return {"EndpointName": self.endpoint, "EndpointConfigName": self.config_name}

    def to_dict(self) -> dict[str, Any]:
        """Return the specification as plain values that a task can hand to the next."""
        return {"endpoint": self.endpoint, "model": dict(self.model), "variant": dict(self.variant)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the specification that `to_dict` wrote."""
        return cls(values["endpoint"], values["model"], values["variant"])

    def _config_body(self) -> dict[str, Any]:
        return {"ProductionVariants": [{**self.variant, "ModelName": self.model_name}]}


def production_variant(
    *, instance_type: str, instance_count: int, startup_timeout_s: int = 600
) -> dict[str, Any]:
    """Return the one production variant that takes all traffic, without its model."""
    return {
        "VariantName": VARIANT,
        "InstanceType": instance_type,
        "InitialInstanceCount": instance_count,
        "InitialVariantWeight": 1.0,
        "ContainerStartupHealthCheckTimeoutInSeconds": startup_timeout_s,
        "ModelDataDownloadTimeoutInSeconds": startup_timeout_s,
    }
