"""CreateEndpoint, UpdateEndpoint, DescribeEndpoint, ListEndpoints, DeleteEndpoint."""

from __future__ import annotations

import time

from embedded_aws.api import endpoint_configs, listing, models, tags
from embedded_aws.api.context import Context
from embedded_aws.hosting import lifecycle
from embedded_aws.kinds import ENDPOINT
from embedded_aws.store import Document
from embedded_aws.wire.faults import ValidationException


def create(context: Context, request: Document) -> Document:
    """Accept an endpoint; the controller starts its fleet.

    Raises:
        ValidationException: the name is taken, or its configuration is absent.
    """
    name = request["EndpointName"]
    arn = context.arn(ENDPOINT, name)
    plan = _plan(context, request["EndpointConfigName"])
    with context.store.transaction():
        if not context.store.insert(ENDPOINT, name, arn, lifecycle.new(name, arn, plan, time.time())):
            raise ValidationException(f'Cannot create already existing endpoint "{arn}".')
        tags.attach(context, arn, request.get("Tags", []))
    context.wake_controller()
    return {"EndpointArn": arn}


def update(context: Context, request: Document) -> Document:
    """Accept another configuration; traffic moves once its fleet is healthy.

    Raises:
        ValidationException: there is no such endpoint or configuration, or the endpoint is busy.
    """
    name = request["EndpointName"]
    arn = context.arn(ENDPOINT, name)
    _find(context, name)
    plan = _plan(context, request["EndpointConfigName"])

    def change(document: Document) -> None:
        if document[lifecycle.STATUS] in lifecycle.IN_PROGRESS:
            raise ValidationException(f'Cannot update in-progress endpoint "{arn}".')
        if document[lifecycle.STATUS] != "InService":
            raise ValidationException(
                f'Cannot update endpoint "{arn}" in status {document[lifecycle.STATUS]}. '
                "Delete it and create it again."
            )
        lifecycle.ask_to_update(document, plan, time.time())

    context.store.update(ENDPOINT, name, change)
    context.wake_controller()
    return {"EndpointArn": arn}


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


def _plan(context: Context, config: str) -> Document:
    """Everything a fleet of the configuration needs, so that it outlives configuration and models."""
    variants = []
    for variant in endpoint_configs.find(context, config)["ProductionVariants"]:
        model = models.find(context, variant["ModelName"])
        containers = model.get("Containers") or [model["PrimaryContainer"]]
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
    return {"config": config, "variants": variants}
