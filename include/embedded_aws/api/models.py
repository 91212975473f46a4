"""CreateModel, DescribeModel, ListModels, DeleteModel."""

from __future__ import annotations

import time

from embedded_aws.api import listing, tags
from embedded_aws.api.context import Context
from embedded_aws.kinds import MODEL
from embedded_aws.store import Document
from embedded_aws.wire.faults import ValidationException


def create(context: Context, request: Document) -> Document:
    """Keep a model: an image, its data and its environment.

    Raises:
        ValidationException: the name is taken, or no container is given.
    """
    if ("PrimaryContainer" in request) == ("Containers" in request):
        raise ValidationException("Either PrimaryContainer or Containers must be specified, and not both.")
    for container in request.get("Containers") or [request["PrimaryContainer"]]:
        if "Image" not in container and "ModelPackageName" not in container:
            raise ValidationException("Either Image or ModelPackageName must be specified for a container.")
    name = request["ModelName"]
    arn = context.arn(MODEL, name)
    document = {
        "EnableNetworkIsolation": False,
        **{member: value for member, value in request.items() if member != "Tags"},
        "ModelArn": arn,
        "CreationTime": time.time(),
    }
    with context.store.transaction():
        if not context.store.insert(MODEL, name, arn, document):
            raise ValidationException(f'Cannot create already existing model "{arn}".')
        tags.attach(context, arn, request.get("Tags", []))
    return {"ModelArn": arn}


def find(context: Context, name: str) -> Document:
    """The model of that name.

    Raises:
        ValidationException: there is none.
    """
    document = context.store.get(MODEL, name)
    if document is None:
        raise ValidationException(f'Could not find model "{context.arn(MODEL, name)}".')
    return document


def describe(context: Context, request: Document) -> Document:
    """The whole model."""
    return find(context, request["ModelName"])


def list_(context: Context, request: Document) -> Document:
    """A page of models."""
    return listing.page(context, MODEL, request, "Models", order="Descending")


def delete(context: Context, request: Document) -> Document:
    """Forget a model; endpoints that serve it keep what they need."""
    find(context, request["ModelName"])
    context.store.delete(MODEL, request["ModelName"])
    return {}
