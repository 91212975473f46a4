"""Which model versions are behind the endpoint, found from the endpoint down to the model registry.

DescribeEndpoint → DescribeEndpointConfig → DescribeModel → DescribeModelPackage. While a new model is being
rolled out, there are two. An answer says by its production variant's name which one gave it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from idc.errors import InputError
from idc.evaluate.served_model import ServedModel
from idc.serving.aws import translated
from idc.serving.problems import MODEL_UNKNOWN, Problem
from idc.serving.schemas import ModelVersion

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

SERVING = ("InService", "Updating", "SystemUpdating", "RollingBack", "UpdateRollbackFailed")
LEAST_PERIOD_S = 1.0
MOST_REMEMBERED = 64


@dataclass(frozen=True)
class Version:
    """A model version: the name of its production variant, its model package, its metadata."""

    name: str
    package: str
    served: ServedModel
    role: Literal["live", "pending"] = "live"

    @property
    def card(self) -> str:
        """The path of its model card."""
        return f"/v1/model/card?version={self.name}"

    @property
    def shown(self) -> ModelVersion:
        """The version as answers name it."""
        served = self.served
        return ModelVersion(
            version=self.name, variant=served.variant, partition=served.partition, card=self.card
        )


@dataclass(frozen=True)
class Endpoint:
    """State of the endpoint at one moment: status, versions and their problems."""

    status: str = "unknown"
    versions: tuple[Version, ...] = ()
    problems: tuple[str, ...] = ()
    seen_at: float = field(default=-1e9, compare=False)

    @property
    def is_serving(self) -> bool:
        """Whether it answers."""
        return self.status in SERVING


class Models:
    """The model versions behind one endpoint, looked up again when they may have changed."""

    def __init__(self, client: SageMakerClient, endpoint_name: str) -> None:
        """Ask `client` about the endpoint; nothing is asked yet."""
        self._client = client
        self._endpoint_name = endpoint_name
        self._lock = threading.Lock()
        self._endpoint = Endpoint()
        self._failure: tuple[float, Problem] | None = None  # when the last look ended in vain, and why
        self._known: dict[str, Version] = {}
        self._missed: dict[str, float] = {}  # when a variant was last looked for in vain

    def version(self, name: str) -> Version:
        """Return the version of this production variant.

        Raises:
            Problem: no registered model answers by that name.
        """
        known = self._known.get(name)
        if known is None and time.monotonic() - self._missed.get(name, -1e9) >= LEAST_PERIOD_S:
            known = self._look_for(name)
        if known is None:
            problems = "; ".join(self._endpoint.problems) or f"{name} is no variant of it"
            raise Problem(
                MODEL_UNKNOWN,
                f"The model behind the endpoint {self._endpoint_name}: {problems}; expected a version from "
                "the model registry. Deploy with idc_deploy.",
            )
        return known

    def _look_for(self, name: str) -> Version | None:
        """Look up a variant that has just answered, because cached state may be too old."""
        answered_at = time.monotonic()
        with self._lock:
            if self._endpoint.seen_at < answered_at:
                self._look_again(answered_at)
        known = self._known.get(name)
        if known is None:
            self._missed[name] = time.monotonic()
        return known

    def remembered(self, name: str) -> Version | None:
        """Return a version that answers, or has answered since this server started."""
        return self._known.get(name)

    def endpoint(self, max_age_s: float) -> Endpoint:
        """Return the endpoint as it was at most so many seconds ago.

        Raises:
            Problem: AWS does not say.
        """
        asked_at = time.monotonic()
        if asked_at - self._endpoint.seen_at < max_age_s:
            return self._endpoint
        with self._lock:
            if time.monotonic() - self._endpoint.seen_at >= max_age_s:
                self._look_again(asked_at)
            return self._endpoint

    def _look_again(self, asked_at: float) -> None:
        """Look up the endpoint, unless another thread failed to since `asked_at`."""
        if self._failure and self._failure[0] >= asked_at:
            raise self._failure[1]
        try:
            self._take(self._look())
        except Problem as problem:
            self._failure = time.monotonic(), problem
            raise

    def _take(self, endpoint: Endpoint) -> None:
        seen = {version.name: version for version in endpoint.versions}
        known = {name: each for name, each in self._known.items() if name not in seen} | seen
        names = {problem.partition(":")[0] for problem in endpoint.problems}
        kept = {name: version for name, version in known.items() if name not in names}
        while len(kept) > MOST_REMEMBERED:
            kept.pop(next(iter(kept)))
        self._known, self._endpoint = kept, endpoint

    def _look(self) -> Endpoint:
        began = time.monotonic()
        with translated(f"endpoint {self._endpoint_name}"):
            described = self._client.describe_endpoint(EndpointName=self._endpoint_name)
            live = described.get("EndpointConfigName", "")
            pending = described.get("PendingDeploymentSummary", {}).get("EndpointConfigName", live)
            models = dict(self._models(live, "live")) if live else {}
            found = {**models}
            clashes = []
            if pending != live:
                for name, (model, role) in self._models(pending, "pending"):
                    if name in models and models[name][0] != model:
                        clashes.append(f"{name}: two models answer by this name, expected a name for each")
                    found.setdefault(name, (model, role))
            versions, problems = [], clashes
            for name, (model, role) in found.items():
                outcome = self._version(name, model, role)
                if isinstance(outcome, str):
                    problems.append(f"{name}: {outcome}")
                elif not clashes:
                    versions.append(outcome)
        return Endpoint(described["EndpointStatus"], tuple(versions), tuple(problems), began)

    def _models(
        self, config: str, role: Literal["live", "pending"]
    ) -> Iterator[tuple[str, tuple[str, Literal["live", "pending"]]]]:
        described = self._client.describe_endpoint_config(EndpointConfigName=config)
        for variant in described["ProductionVariants"]:
            yield variant["VariantName"], (variant.get("ModelName", ""), role)

    def _version(self, name: str, model: str, role: Literal["live", "pending"]) -> Version | str:
        """Return a version, or why there is none."""
        described = self._client.describe_model(ModelName=model)
        containers = [described.get("PrimaryContainer", {}), *described.get("Containers", [])]
        packages = [
            container["ModelPackageName"] for container in containers if "ModelPackageName" in container
        ]
        if not packages:
            return f"the model {model} comes from no model package"
        package = self._client.describe_model_package(ModelPackageName=packages[0])
        arn = package["ModelPackageArn"]
        try:
            served = ServedModel.from_metadata(package.get("CustomerMetadataProperties", {}), arn)
        except InputError as error:
            return str(error)
        if not 0 <= served.threshold <= 1:
            return f"its threshold is {served.threshold:g}, expected a probability"
        return Version(name, arn, served, role)
