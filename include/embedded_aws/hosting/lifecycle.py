"""The life of an endpoint, in the service's own status names.

Creating → InService or Failed. Updating → InService on the new configuration, or RollingBack →
InService on the old one, with the reason. Deleting → gone. A fleet is every instance of one
configuration; `_live` is the plan of the one that answers, `_target` of the one being started.
"""

from __future__ import annotations

from embedded_aws.jobs.failure import reason
from embedded_aws.store import Document

STATUS = "EndpointStatus"
IN_PROGRESS = ("Creating", "Updating", "RollingBack", "Deleting")
ACTIVE = (*IN_PROGRESS, "InService")


def new(name: str, arn: str, plan: Document, now: float) -> Document:
    """The document of an endpoint just accepted."""
    return {
        "EndpointName": name,
        "EndpointArn": arn,
        "EndpointConfigName": plan["config"],
        STATUS: "Creating",
        "CreationTime": now,
        "LastModifiedTime": now,
        "_target": {**plan, "generation": 1},
    }


def ask_to_update(document: Document, plan: Document, now: float) -> None:
    """A client asked for another configuration."""
    document[STATUS] = "Updating"
    document["_target"] = {**plan, "generation": document["_live"]["generation"] + 1}
    document["_target"]["generation"] += document.pop("_abandoned", 0)
    document["PendingDeploymentSummary"] = {
        "EndpointConfigName": plan["config"],
        "ProductionVariants": [_summary(variant, now) for variant in plan["variants"]],
        "StartTime": now,
    }


def ask_to_delete(document: Document) -> None:
    """A client asked for its end."""
    document[STATUS] = "Deleting"


def switch(document: Document, now: float) -> None:
    """The new fleet is healthy: traffic moves to it."""
    plan = document.pop("_target")
    document["_live"] = plan
    document["EndpointConfigName"] = plan["config"]
    document["ProductionVariants"] = [_summary(variant, now) for variant in plan["variants"]]
    document[STATUS] = "InService"
    for member in ("FailureReason", "PendingDeploymentSummary", "_abandoned"):
        document.pop(member, None)


def abandon(document: Document, why: str) -> None:
    """The new fleet is not healthy: the old one stays, or there is none."""
    document["FailureReason"] = reason(why)
    document.pop("PendingDeploymentSummary", None)
    if "_live" in document:
        document["_abandoned"] = document["_target"]["generation"] - document["_live"]["generation"]
        document[STATUS] = "RollingBack"
    else:
        document[STATUS] = "Failed"
    del document["_target"]


def finish_rollback(document: Document) -> None:
    """What was started of the new fleet is gone."""
    document[STATUS] = "InService"


def plans(document: Document) -> list[Document]:
    """The fleets that must run: the live one and the one being started."""
    return [document[member] for member in ("_live", "_target") if member in document]


def failure_of(variant: str) -> str:
    """The service's sentence for an instance that never answered /ping."""
    return (
        f"The primary container for production variant {variant} did not pass the ping health check. "
        "Please check CloudWatch logs for this endpoint."
    )


def _summary(variant: Document, now: float) -> Document:
    image = variant["container"]["Image"]
    return {
        "VariantName": variant["name"],
        "DeployedImages": [{"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": now}],
        "CurrentWeight": variant["weight"],
        "DesiredWeight": variant["weight"],
        "CurrentInstanceCount": variant["count"],
        "DesiredInstanceCount": variant["count"],
    }
