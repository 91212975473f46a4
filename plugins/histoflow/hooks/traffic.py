"""CloudWatch alarms and Application Auto Scaling of an endpoint's production variants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from histoflow.hooks.aws import AwsHook, aws_errors
from idc.deploy.rollout import DIMENSION, NAMESPACE, resource


class AlarmHook(AwsHook):
    """Alarms of an endpoint; their dimension names it."""

    def __init__(self, *, aws_conn_id: str | None = "aws_default", region_name: str | None = None) -> None:
        """Use the connection `aws_conn_id`, in `region_name` unless the environment says which."""
        super().__init__("cloudwatch", aws_conn_id=aws_conn_id, region_name=region_name)

    def put(self, alarms: Iterable[Mapping[str, Any]]) -> None:
        """Create or update alarms."""
        for alarm in alarms:
            with aws_errors("alarm", alarm["AlarmName"]):
                self.api.put_metric_alarm(**alarm)

    def remove(self, endpoint: str, kept_variants: set[str]) -> None:
        """Delete the endpoint's alarms on variants that are not kept."""
        dimension = {"Name": "EndpointName", "Value": endpoint}
        with aws_errors("alarms", endpoint):
            pages = self.api.get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{endpoint}-")
            found = [alarm for page in pages for alarm in page["MetricAlarms"]]
            gone = [
                alarm["AlarmName"]
                for alarm in found
                if dimension in alarm["Dimensions"] and _variant(alarm) not in kept_variants
            ]
            if gone:
                self.api.delete_alarms(AlarmNames=gone)
                self.log.info("Deleted the alarms %s.", ", ".join(gone))


class ScalingHook(AwsHook):
    """Scalable targets of an endpoint's variants."""

    def __init__(self, *, aws_conn_id: str | None = "aws_default", region_name: str | None = None) -> None:
        """Use the connection `aws_conn_id`, in `region_name` unless the environment says which."""
        super().__init__("application-autoscaling", aws_conn_id=aws_conn_id, region_name=region_name)

    def register(self, scaling: Mapping[str, Any], endpoint: str, variant: str) -> None:
        """Let the variant scale by these rules; they may name another variant of the endpoint."""
        whose = resource(endpoint, variant)
        with aws_errors("scalable target", whose["ResourceId"]):
            self.api.register_scalable_target(**{**scaling["target"], **whose})
            self.api.put_scaling_policy(**{**scaling["policy"], **whose})
        self.log.info("%s scales.", whose["ResourceId"])

    def deregister(self, endpoint: str, *, kept_variant: str | None) -> None:
        """Stop scaling every variant but `kept_variant`.

        SageMaker does not remove a variant that still scales.
        Source: https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-update.html
        """
        with aws_errors("scalable targets", endpoint):
            pages = self.api.get_paginator("describe_scalable_targets").paginate(
                ServiceNamespace=NAMESPACE, ScalableDimension=DIMENSION
            )
            found = [target["ResourceId"] for page in pages for target in page["ScalableTargets"]]
            for name in found:
                variant = name.rpartition("/")[2]
                if name.startswith(f"endpoint/{endpoint}/") and variant != kept_variant:
                    self.api.deregister_scalable_target(**resource(endpoint, variant))
                    self.log.info("%s no longer scales.", name)


def _variant(alarm: Mapping[str, Any]) -> str:
    names: dict[str, str] = {one["Name"]: one["Value"] for one in alarm["Dimensions"]}
    return names.get("VariantName", "")
