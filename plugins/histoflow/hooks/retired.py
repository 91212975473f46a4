"""What an endpoint has left behind: configurations and models nobody serves any more."""

from __future__ import annotations

import re
from collections.abc import Iterator

from histoflow.hooks.aws import aws_errors
from histoflow.hooks.resources import ResourceHook, raise_unless_absent
from idc.deploy.hosting import EndpointSpec
from idc.errors import HistoflowError, RequestRejected
from idc.jobs.spec import named_by_digest


class RetiredHook(ResourceHook):
    """Deletes what is not in use, but for the newest few, to which one may want to go back."""

    def __init__(self, *, aws_conn_id: str | None = "aws_default", region_name: str | None = None) -> None:
        """Use the connection `aws_conn_id`, in `region_name` unless the environment says which."""
        super().__init__("sagemaker", aws_conn_id=aws_conn_id, region_name=region_name)

    def remove(self, spec: EndpointSpec) -> set[str]:
        """Delete configurations of the endpoint, and their models; return the variants of those that stay.

        The names tell what is of this endpoint, and no configuration goes that any endpoint uses: where it
        is not allowed to see that, all stay. A model goes before its configuration, from which a retry finds
        it again.
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
        """Return those of the endpoint's own configurations that nobody uses, but for the newest few."""
        try:
            in_use = {spec.config_name} | self._in_use()
        except RequestRejected as error:
            self.log.warning("No configuration is deleted: %s", error)
            return []
        return [name for name in own if name not in in_use][spec.keep :]

    def _in_use(self) -> set[str]:
        """Return the configurations that any endpoint serves, or is being brought to."""
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
        self.log.info("Deleted the endpoint configuration %s, which nobody uses.", name)
