"""The model registry: versions registered once, approved or rejected, and the one behind an endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from histoflow.hooks.aws import aws_errors
from histoflow.hooks.resources import ResourceHook, raise_unless_absent
from idc.deploy.package import PackageSpec
from idc.deploy.version import APPROVED, DEPLOYED_AT, DEPLOYED_TO, PENDING, REJECTED, Version
from idc.errors import HistoflowError, InputError, MissingObject

REASON_LIMIT = 1024
WHAT = "model package"


class RegistryHook(ResourceHook):
    """Reads and writes SageMaker's model registry."""

    def register(self, spec: PackageSpec) -> Version:
        """Return the version that says just what `spec` says: one that is there, or else a new one.

        Raises:
            RequestRejected: SageMaker refused the request.
            ServiceError: SageMaker could not be reached.
        """
        group = {"ModelPackageGroupName": spec.group}
        self.ensure("model_package_group", "ModelPackageGroupName", group)
        for version in self.versions(spec.group):
            if version.served == spec.served and version.status != REJECTED:
                self.log.info("%s is registered already: %s.", version.name, version.arn)
                return version
        with aws_errors(WHAT, spec.group):
            arn = self.api.create_model_package(**spec.create_request())["ModelPackageArn"]
        self.log.info("Registered %s.", arn)
        return self.version(arn)

    def version(self, arn: str) -> Version:
        """Return a registered version.

        Raises:
            RequestRejected: there is none.
        """
        with aws_errors(WHAT, arn):
            return Version.from_description(self.api.describe_model_package(ModelPackageName=arn))

    def numbered(self, group: str, number: int) -> Version:
        """Return a group's version of this number.

        Raises:
            MissingObject: there is none.
        """
        for version in self.versions(group):
            if version.number == number:
                return version
        raise MissingObject(
            WHAT, f"{group}/{number}", "none", "one of the group's", "Choose another version."
        )

    def versions(self, group: str, status: str | None = None) -> Iterator[Version]:
        """Yield a group's versions, the newest first; one that another product registered is left out."""
        condition = {"ModelApprovalStatus": status} if status else {}
        try:
            with aws_errors(WHAT, group):
                pages = self.api.get_paginator("list_model_packages").paginate(
                    ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending", **condition
                )
                found = [one["ModelPackageArn"] for page in pages for one in page["ModelPackageSummaryList"]]
        except HistoflowError as error:
            raise_unless_absent(error)
            return
        for arn in found:
            try:
                yield self.version(arn)
            except InputError as error:
                self.log.warning("%s", error)

    def rejected(self, group: str) -> list[str]:
        """Return the digests of the artifacts of a group's rejected versions."""
        return [version.served.model_sha256 for version in self.versions(group, REJECTED)]

    def served_by(self, endpoint: str) -> Version | None:
        """Return the version behind an endpoint, the champion; None if there is none of ours."""
        arn = model_package(self, endpoint)
        if arn is None:
            return None
        try:
            return self.version(arn)
        except InputError as error:
            self.log.warning("%s", error)
            return None

    def approve(self, arn: str, reason: str) -> None:
        """Allow a version to be deployed, and say why."""
        self._update(arn, APPROVED, reason)

    def reject(self, arn: str, reason: str) -> None:
        """Forbid a version to be deployed, and say why."""
        self._update(arn, REJECTED, reason)

    def leave_pending(self, arn: str, reason: str) -> None:
        """Say why a version has neither been approved nor rejected."""
        self._update(arn, PENDING, reason)

    def mark_deployed(self, arn: str, endpoint: str) -> None:
        """Note at a version that it is behind the endpoint from now on."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._change(arn, CustomerMetadataProperties={DEPLOYED_AT: now, DEPLOYED_TO: endpoint})

    def _update(self, arn: str, status: str, reason: str) -> None:
        self.log.info("%s: %s. %s", arn, status, reason)
        words = " ".join(reason.split())[:REASON_LIMIT]
        self._change(arn, ModelApprovalStatus=status, ApprovalDescription=words)

    def _change(self, arn: str, **members: Any) -> None:
        with aws_errors(WHAT, arn):
            self.api.update_model_package(ModelPackageArn=arn, **members)


def model_package(hook: ResourceHook, endpoint: str) -> str | None:
    """Return the ARN of the model package behind an endpoint's first variant, None if there is none.

    An endpoint that never came up, or is being deleted, serves nothing, though it names a configuration.
    """
    described = hook.describe("endpoint", "EndpointName", endpoint) or {}
    is_gone = described.get("EndpointStatus") in ("Failed", "Deleting")
    name = None if is_gone else described.get("EndpointConfigName")
    config = hook.describe("endpoint_config", "EndpointConfigName", name) if name else None
    if config is None:
        return None
    model = hook.describe("model", "ModelName", config["ProductionVariants"][0]["ModelName"])
    if model is None:
        return None
    container = model.get("PrimaryContainer") or model["Containers"][0]
    package: str | None = container.get("ModelPackageName")
    return package
