"""Delete the configurations and models that an endpoint no longer serves."""

from __future__ import annotations

import re
from collections.abc import Iterator

from histoflow.hooks.aws import aws_errors
from histoflow.hooks.resources import ResourceHook, raise_unless_absent
from idc.deploy.hosting import EndpointSpec
from idc.errors import HistoflowError, RequestRejected
from idc.jobs.spec import named_by_digest


class RetiredHook(ResourceHook):
    """Deletes unused configurations of an endpoint; keeps the newest few for a rollback."""

    def remove(self, spec: EndpointSpec) -> set[str]:
        """Delete configurations of the endpoint, and their models; return the variants of those that stay.

        Names tell which configurations belong to this endpoint. A configuration that any endpoint uses stays.
        Without permission to list endpoints, all stay. A model is deleted before its configuration: a retry
        finds the model by the configuration.
        """
        own = list(self._own(spec.endpoint))
        gone = self._gone(spec, own) if len(own) > spec.keep + 1 else []
        stay = [name for name in own if name not in gone]
        variants = {name: self._variants(name) for name in own}
        needed = {model for name in stay for model in variants[name].values()} | {spec.model_name}
        for name in gone:
            for model in set(variants[name].values()) - needed:
                self.delete_model(model)
            self._delete_config(name)
        return {variant for name in stay for variant in variants[name]} | {spec.variant_name}

    def _own(self, endpoint: str) -> Iterator[str]:
        """Yield the names of the endpoint's configurations, the newest first."""
        head = named_by_digest(endpoint, "0" * 64)[: -len("0" * 10)]
        name = re.compile(re.escape(head) + "[0-9a-f]{10}")
        with aws_errors("endpoint configurations", endpoint):
            pages = self.api.get_paginator("list_endpoint_configs").paginate(
                NameContains=head, SortBy="CreationTime", SortOrder="Descending"
            )
            for page in pages:
                for one in page["EndpointConfigs"]:
                    if name.fullmatch(one["EndpointConfigName"]):
                        yield one["EndpointConfigName"]

    def _gone(self, spec: EndpointSpec, own: list[str]) -> list[str]:
        """Return the endpoint's unused configurations without the newest few."""
        try:
            in_use = {spec.config_name} | self._in_use()
        except RequestRejected as error:
            self.log.warning("No configuration is deleted: %s", error)
            return []
        return [name for name in own if name not in in_use][spec.keep :]

    def _in_use(self) -> set[str]:
        """Return the configurations that any endpoint serves or is changing to."""
        with aws_errors("endpoints", "of the account"):
            pages = self.api.get_paginator("list_endpoints").paginate()
            names = [one["EndpointName"] for page in pages for one in page["Endpoints"]]
        found = set()
        for name in names:
            described = self.describe("endpoint", "EndpointName", name) or {}
            pending = described.get("PendingDeploymentSummary", {})
            found |= {described.get("EndpointConfigName", ""), pending.get("EndpointConfigName", "")}
        return found

    def _variants(self, config: str) -> dict[str, str]:
        """Return the models of a configuration by the names of its variants."""
        described = self.describe("endpoint_config", "EndpointConfigName", config) or {}
        return {one["VariantName"]: one["ModelName"] for one in described.get("ProductionVariants", [])}

    def _delete_config(self, name: str) -> None:
        try:
            with aws_errors("endpoint configuration", name):
                self.api.delete_endpoint_config(EndpointConfigName=name)
        except HistoflowError as error:
            raise_unless_absent(error)
            return
        self.log.info("Deleted the unused endpoint configuration %s.", name)
