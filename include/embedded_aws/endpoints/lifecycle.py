"""States of an endpoint, by the service's own status names.

Creating → InService or Failed. Updating → InService on the new configuration, or RollingBack →
InService on the old one, with the reason. Deleting → gone. A fleet is all instances of one
configuration. `_live` is the plan of the fleet that serves, `_target` of the fleet that starts;
`_rollout` holds the new fleet's share of the traffic. `_scale` holds the weights and instance counts
that the live fleet is changing to.
"""

from __future__ import annotations

from embedded_aws.endpoints import rollout
from embedded_aws.jobs.failure import reason
from embedded_aws.store.resources import Document

STATUS = "EndpointStatus"
IN_PROGRESS = ("Creating", "Updating", "RollingBack", "Deleting")
ACTIVE = (*IN_PROGRESS, "InService")
PENDING = "PendingDeploymentSummary"
_OF_THE_PLAN = {"capture": "DataCaptureConfig", "async": "AsyncInferenceConfig"}


def new(name: str, arn: str, plan: Document, now: float, deployment: Document | None = None) -> Document:
    """The document of an endpoint just accepted."""
    document = {
        "EndpointName": name,
        "EndpointArn": arn,
        "EndpointConfigName": plan["config"],
        STATUS: "Creating",
        "CreationTime": now,
        "LastModifiedTime": now,
        "_target": {**plan, "generation": 1},
        "_rollout": rollout.planned(rollout.ALL_AT_ONCE, 1, now),
        PENDING: _pending(plan, now),
    }
    if deployment is not None:
        document["LastDeploymentConfig"] = deployment
    return document


def ask_to_update(document: Document, plan: Document, now: float, deployment: Document | None = None) -> None:
    """A client asked for another configuration.

    Raises:
        ValidationException: the deployment configuration is none the service takes.
    """
    instances = sum(variant["count"] for variant in plan["variants"])
    document["_rollout"] = rollout.planned(deployment or rollout.ALL_AT_ONCE, instances, now)
    document[STATUS] = "Updating"
    document["_target"] = {**plan, "generation": document["_live"]["generation"] + 1}
    document["_target"]["generation"] += document.pop("_abandoned", 0)
    document[PENDING] = _pending(plan, now)
    if deployment is not None:
        document["LastDeploymentConfig"] = deployment


def ask_to_scale(document: Document, wanted: dict[str, Document]) -> None:
    """A client asked for other weights and numbers of instances: per variant `weight` and `count`."""
    document[STATUS] = "Updating"
    document["_scale"] = wanted
    for summary in document["ProductionVariants"]:
        to = wanted[summary["VariantName"]]
        summary["DesiredWeight"], summary["DesiredInstanceCount"] = to["weight"], to["count"]


def ask_to_delete(document: Document) -> None:
    """A client asked for its end."""
    document[STATUS] = "Deleting"


def take_step(document: Document, now: float) -> None:
    """Traffic moves to the new fleet, or more of it does."""
    rollout.take_step(document["_rollout"], now)
    share = rollout.share(document["_rollout"])
    message = f"{share:.0%} of the traffic is on the new fleet"
    for summary in document.get(PENDING, {}).get("ProductionVariants", []):
        summary["VariantStatus"] = [{"Status": "Baking", "StatusMessage": message, "StartTime": now}]


def switch(document: Document, now: float) -> None:
    """All traffic is on the new fleet, and stays there."""
    plan = document.pop("_target")
    document["_live"] = plan
    document["EndpointConfigName"] = plan["config"]
    document["ProductionVariants"] = [_summary(variant, now) for variant in plan["variants"]]
    document["_retire_at"] = now + document.pop("_rollout")["termination_wait_s"]
    document[STATUS] = "InService"
    for own, member in _OF_THE_PLAN.items():
        document[member] = plan.get(own)
    if plan.get("capture") is not None:
        document["DataCaptureConfig"] = _capture_summary(plan["capture"])
    for member in ("FailureReason", PENDING, "_abandoned"):
        document.pop(member, None)


def abandon(document: Document, why: str) -> None:
    """The new fleet is not healthy: the old one stays, or there is none."""
    document["FailureReason"] = reason(why)
    document.pop(PENDING, None)
    document.pop("_rollout", None)
    if "_live" in document:
        document["_abandoned"] = document["_target"]["generation"] - document["_live"]["generation"]
        document[STATUS] = "RollingBack"
    else:
        document[STATUS] = "Failed"
    del document["_target"]


def finish_rollback(document: Document) -> None:
    """What was started of the new fleet is gone."""
    document[STATUS] = "InService"


def finish_scaling(document: Document) -> None:
    """The live fleet has the weights and numbers of instances asked for."""
    wanted = document.pop("_scale")
    for variant in document["_live"]["variants"]:
        variant.update(wanted[variant["name"]])
    for summary in document["ProductionVariants"]:
        summary["CurrentWeight"] = summary["DesiredWeight"]
        summary["CurrentInstanceCount"] = summary["DesiredInstanceCount"]
    document[STATUS] = "InService"
    document.pop("FailureReason", None)


def abandon_scaling(document: Document, why: str) -> None:
    """The live fleet cannot be brought to what was asked for: it stays as it was."""
    del document["_scale"]
    for summary in document["ProductionVariants"]:
        summary["DesiredWeight"] = summary["CurrentWeight"]
        summary["DesiredInstanceCount"] = summary["CurrentInstanceCount"]
    document[STATUS] = "InService"
    document["FailureReason"] = reason(why)


def plans(document: Document) -> list[Document]:
    """The fleets that must run: the live one and the one being started."""
    return [document[member] for member in ("_live", "_target") if member in document]


def scaled(document: Document) -> Document:
    """The plan of the live fleet, with as many instances as it is being brought to."""
    live: Document = document["_live"]
    wanted = document.get("_scale", {})
    counts = [{**variant, **wanted.get(variant["name"], {})} for variant in live["variants"]]
    return {**live, "variants": counts}


def failure_of(variant: str) -> str:
    """The service's sentence for an instance that never answered /ping."""
    return (
        f"The primary container for production variant {variant} did not pass the ping health check. "
        "Please check CloudWatch logs for this endpoint."
    )


def _pending(plan: Document, now: float) -> Document:
    creating = {"VariantStatus": [{"Status": "Creating", "StartTime": now}]}
    return {
        "EndpointConfigName": plan["config"],
        "ProductionVariants": [
            {**_summary(variant, now), "CurrentInstanceCount": 0, **creating} for variant in plan["variants"]
        ],
        "StartTime": now,
    }


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


def _capture_summary(capture: Document) -> Document:
    is_on = capture.get("EnableCapture", True)
    return {
        "EnableCapture": is_on,
        "CaptureStatus": "Started" if is_on else "Stopped",
        "CurrentSamplingPercentage": capture["InitialSamplingPercentage"],
        "DestinationS3Uri": capture["DestinationS3Uri"],
        "KmsKeyId": capture.get("KmsKeyId", ""),
    }
