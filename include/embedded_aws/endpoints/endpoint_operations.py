"""CreateEndpoint, UpdateEndpoint, UpdateEndpointWeightsAndCapacities, Describe, List, DeleteEndpoint."""

from __future__ import annotations

import time

from embedded_aws.api import listing, tags
from embedded_aws.api.context import Context
from embedded_aws.endpoints import endpoint_config_operations, lifecycle
from embedded_aws.models import model_operations
from embedded_aws.store.kinds import ENDPOINT
from embedded_aws.store.resources import Document
from embedded_aws.wire.faults import ValidationException

_RETAINED = {"DesiredInstanceCount": "count", "DesiredWeight": "weight"}


def create(context: Context, request: Document) -> Document:
    """Accept an endpoint; the controller starts its fleet.

    Raises:
        ValidationException: the name is taken, or its configuration is absent.
    """
    name = request["EndpointName"]
    arn = context.arn(ENDPOINT, name)
    plan = _plan(context, request["EndpointConfigName"])
    document = lifecycle.new(name, arn, plan, time.time(), request.get("DeploymentConfig"))
    with context.store.transaction():
        if not context.store.insert(ENDPOINT, name, arn, document):
            raise ValidationException(f'Cannot create already existing endpoint "{arn}".')
        tags.attach(context, arn, request.get("Tags", []))
    context.wake_controller()
    return {"EndpointArn": arn}


def update(context: Context, request: Document) -> Document:
    """Accept another configuration; traffic moves once its fleet is healthy.

    Raises:
        ValidationException: there is no such endpoint or configuration, or the endpoint is busy, or
            the deployment configuration contradicts itself.
    """
    name = request["EndpointName"]
    _find(context, name)
    plan = _plan(context, request["EndpointConfigName"])
    if request.get("RetainDeploymentConfig") and "DeploymentConfig" in request:
        raise ValidationException(
            "DeploymentConfig cannot be specified with RetainDeploymentConfig set to true."
        )

    def change(document: Document) -> None:
        _check_in_service(document)
        deployment = request.get("DeploymentConfig")
        if request.get("RetainDeploymentConfig"):
            deployment = document.get("LastDeploymentConfig")
        if request.get("RetainAllVariantProperties"):
            excluded = request.get("ExcludeRetainedVariantProperties", [])
            _retain(plan, document["_live"], {entry["VariantPropertyType"] for entry in excluded})
        lifecycle.ask_to_update(document, plan, time.time(), deployment)

    context.store.update(ENDPOINT, name, change)
    context.wake_controller()
    return {"EndpointArn": context.arn(ENDPOINT, name)}


def update_weights_and_capacities(context: Context, request: Document) -> Document:
    """Accept other weights and numbers of instances for variants of an endpoint.

    Raises:
        ValidationException: there is no such endpoint or variant, or the endpoint is busy.
    """
    name = request["EndpointName"]
    _find(context, name)

    def change(document: Document) -> None:
        _check_in_service(document)
        live = document["_live"]
        wanted = {
            each["name"]: {"weight": each["weight"], "count": each["count"]} for each in live["variants"]
        }
        for entry in request["DesiredWeightsAndCapacities"]:
            _want(wanted, entry, is_asynchronous=live.get("async") is not None)
        lifecycle.ask_to_scale(document, wanted)

    context.store.update(ENDPOINT, name, change)
    context.wake_controller()
    return {"EndpointArn": context.arn(ENDPOINT, name)}


def describe(context: Context, request: Document) -> Document:
    """The whole endpoint."""
    return _find(context, request["EndpointName"])


def list_(context: Context, request: Document) -> Document:
    """A page of endpoints."""
    return listing.page(context, ENDPOINT, request, "Endpoints", order="Descending")


def delete(context: Context, request: Document) -> Document:
    """Ask an endpoint to end.

    Raises:
        ValidationException: there is none of that name, or it is busy.
    """
    name = request["EndpointName"]

    def change(document: Document) -> None:
        if document[lifecycle.STATUS] in lifecycle.IN_PROGRESS:
            raise ValidationException(f'Cannot update in-progress endpoint "{context.arn(ENDPOINT, name)}".')
        lifecycle.ask_to_delete(document)

    _find(context, name)
    context.store.update(ENDPOINT, name, change)
    context.wake_controller()
    return {}


def _find(context: Context, name: str) -> Document:
    document = context.store.get(ENDPOINT, name)
    if document is None:
        raise ValidationException(f'Could not find endpoint "{context.arn(ENDPOINT, name)}".')
    return document


def _check_in_service(document: Document) -> None:
    status, arn = document[lifecycle.STATUS], document["EndpointArn"]
    if status in lifecycle.IN_PROGRESS:
        raise ValidationException(f'Cannot update in-progress endpoint "{arn}".')
    if status != "InService":
        raise ValidationException(
            f'Cannot update endpoint "{arn}" in status {status}. Delete it and create it again.'
        )


def _want(wanted: dict[str, Document], entry: Document, is_asynchronous: bool) -> None:
    """Take one entry of DesiredWeightsAndCapacities into account."""
    name = entry["VariantName"]
    if name not in wanted:
        raise ValidationException(
            f"The variant name(s) {name} is/are not present within endpoint configuration."
        )
    if "ServerlessUpdateConfig" in entry:
        raise ValidationException(f"Variant {name} is not serverless: it takes no ServerlessUpdateConfig.")
    if "DesiredWeight" in entry:
        wanted[name]["weight"] = entry["DesiredWeight"]
    if "DesiredInstanceCount" in entry:
        if entry["DesiredInstanceCount"] == 0 and not is_asynchronous:
            raise ValidationException(f"DesiredInstanceCount of variant {name} must be at least 1.")
        wanted[name]["count"] = entry["DesiredInstanceCount"]


def _retain(plan: Document, live: Document, excluded: set[str]) -> None:
    """Keep what the variants of the live fleet are set to, but for the properties excluded."""
    before = {variant["name"]: variant for variant in live["variants"]}
    for variant in plan["variants"]:
        for member, own in _RETAINED.items():
            if member not in excluded and variant["name"] in before:
                variant[own] = before[variant["name"]][own]
    if "DataCaptureConfig" not in excluded and live.get("capture") is not None:
        plan["capture"] = live["capture"]


def _plan(context: Context, name: str) -> Document:
    """Everything a fleet of the configuration needs, so that it outlives configuration and models."""
    config = endpoint_config_operations.find(context, name)
    variants = []
    for variant in config["ProductionVariants"]:
        model = model_operations.find(context, variant["ModelName"])
        containers = model_operations.containers(model)
        if len(containers) > 1:
            raise ValidationException(
                f"Model {variant['ModelName']} has {len(containers)} containers, expected one: "
                "inference pipelines are not served here."
            )
        variants.append(
            {
                "name": variant["VariantName"],
                "weight": variant["InitialVariantWeight"],
                "count": variant["InitialInstanceCount"],
                "startup_s": variant.get("ContainerStartupHealthCheckTimeoutInSeconds"),
                "container": containers[0],
            }
        )
    capture, asynchronous = config.get("DataCaptureConfig"), config.get("AsyncInferenceConfig")
    return {"config": name, "variants": variants, "capture": capture, "async": asynchronous}
