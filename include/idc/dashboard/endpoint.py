"""The endpoint on the page: its status, its production variants, and the registered model versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Description = Mapping[str, Any]


def shown(endpoint: Description, config: Description, packages: Mapping[str, Description]) -> dict[str, Any]:
    """Return an endpoint with its variants; `packages` are model packages by the name of their model.

    `{"name", "status", "failure_reason", "created", "modified", "pending", "variants": [{"name", "status",
    "weight", "desired_weight", "instances", "desired_instances", "instance_type", "model", "version"}]}`
    """
    configured = {one["VariantName"]: one for one in config.get("ProductionVariants", [])}
    pending = endpoint.get("PendingDeploymentSummary", {})
    return {
        "name": endpoint["EndpointName"],
        "status": endpoint["EndpointStatus"],
        "failure_reason": endpoint.get("FailureReason", ""),
        "created": _time(endpoint.get("CreationTime")),
        "modified": _time(endpoint.get("LastModifiedTime")),
        "config": endpoint.get("EndpointConfigName", ""),
        "pending_config": pending.get("EndpointConfigName", ""),
        "captures_data": bool(endpoint.get("DataCaptureConfig", {}).get("EnableCapture")),
        "variants": [
            *(
                _variant(one, configured, packages, "serving")
                for one in endpoint.get("ProductionVariants", [])
            ),
            *(_variant(one, configured, packages, "coming") for one in pending.get("ProductionVariants", [])),
        ],
    }


def version(package: Description) -> dict[str, Any]:
    """Return a model package as one line: version, approval, and the metadata of its model.

    `idc.evaluate.served_model.ServedModel` writes the metadata. A package without them has empty texts.
    """
    metadata = package.get("CustomerMetadataProperties") or {}
    texts = (
        "variant",
        "partition",
        "dataset_digest",
        "training_job",
        "tuning_job",
        "code_digest",
        "deployed_at",
    )
    numbers = ("threshold", "temperature", "bias")
    return {
        "version": package.get("ModelPackageVersion"),
        "arn": package.get("ModelPackageArn", ""),
        "approval": package.get("ModelApprovalStatus", ""),
        "approval_note": package.get("ApprovalDescription", ""),
        "created": _time(package.get("CreationTime")),
        "synthetic": metadata.get("synthetic") == "true",
        **{name: metadata.get(name, "") for name in texts},
        **{name: _number(metadata.get(name)) for name in numbers},
    }


def model_names(config: Description) -> Sequence[str]:
    """Return the models an endpoint configuration names."""
    return [one["ModelName"] for one in config.get("ProductionVariants", []) if "ModelName" in one]


def package_of(model: Description) -> str:
    """Return the model package that a model was made from, an empty text for none."""
    containers = [model.get("PrimaryContainer", {}), *model.get("Containers", [])]
    return next((one["ModelPackageName"] for one in containers if "ModelPackageName" in one), "")


def _variant(
    live: Description, configured: Mapping[str, Description], packages: Mapping[str, Description], role: str
) -> dict[str, Any]:
    own = configured.get(live["VariantName"], {})
    model = own.get("ModelName", "")
    statuses = live.get("VariantStatus", [])
    return {
        "name": live["VariantName"],
        "role": role,
        "status": statuses[0]["Status"] if statuses else "",
        "weight": live.get("CurrentWeight"),
        "desired_weight": live.get("DesiredWeight"),
        "instances": live.get("CurrentInstanceCount"),
        "desired_instances": live.get("DesiredInstanceCount"),
        "instance_type": own.get("InstanceType", live.get("InstanceType", "")),
        "model": model,
        "version": version(packages[model]) if model in packages else None,
    }


def _time(value: Any) -> str | None:
    return value.isoformat() if value is not None else None


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
