"""CreateModel, DescribeModel, ListModels, DeleteModel."""

from __future__ import annotations

import time

from embedded_aws.api import listing, tags
from embedded_aws.api.context import Context
from embedded_aws.registry import model_packages
from embedded_aws.store.kinds import MODEL
from embedded_aws.store.resources import Document
from embedded_aws.wire.faults import ValidationException

RESOLVED = "_containers"


def create(context: Context, request: Document) -> Document:
    """Keep a model: an image, its data and its environment.

    Raises:
        ValidationException: the name is taken, or no container is given.
    """
    if ("PrimaryContainer" in request) == ("Containers" in request):
        raise ValidationException("Either PrimaryContainer or Containers must be specified, and not both.")
    given = request.get("Containers") or [request["PrimaryContainer"]]
    resolved = [container for item in given for container in _resolved(context, item)]
    name = request["ModelName"]
    arn = context.arn(MODEL, name)
    document = {
        "EnableNetworkIsolation": False,
        **{member: value for member, value in request.items() if member != "Tags"},
        "ModelArn": arn,
        "CreationTime": time.time(),
        RESOLVED: resolved,
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


def containers(model: Document) -> list[Document]:
    """What the model's containers run: of one made from a model package, those of the package."""
    return list(model.get(RESOLVED) or model.get("Containers") or [model["PrimaryContainer"]])


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


def _resolved(context: Context, container: Document) -> list[Document]:
    """A container as it runs: itself, or those of the model package it names.

    Raises:
        ValidationException: the package is absent, not approved, or the container says the same twice.
    """
    if "ModelPackageName" not in container:
        if "Image" not in container:
            raise ValidationException("Either Image or ModelPackageName must be specified for a container.")
        return [container]
    if any(member in container for member in ("Image", "ModelDataUrl", "ModelDataSource")):
        raise ValidationException(
            "Specify one of either Image and Model Data URL or ModelPackageName in container definition."
        )
    package = model_packages.find(context, container["ModelPackageName"])
    arn, approval = package["ModelPackageArn"], package.get("ModelApprovalStatus")
    if "ModelPackageVersion" in package and approval != "Approved":
        raise ValidationException(
            f"Model package {arn} cannot be deployed: its ModelApprovalStatus is {approval}, "
            "expected Approved."
        )
    return [_with_environment(item, container) for item in _specification(package, container)["Containers"]]


def _specification(package: Document, container: Document) -> Document:
    """The package's inference specification, or the additional one the container names."""
    name = container.get("InferenceSpecificationName")
    for specification in package.get("AdditionalInferenceSpecifications", []) if name else []:
        if specification["Name"] == name:
            return dict(specification)
    if name is None and "InferenceSpecification" in package:
        return dict(package["InferenceSpecification"])
    raise ValidationException(
        f"Could not find inference specification {name or ''} in model package {package['ModelPackageArn']}."
    )


def _with_environment(packaged: Document, container: Document) -> Document:
    """A package's container with the model's environment, which only one of the two may set."""
    own, given = packaged.get("Environment", {}), container.get("Environment", {})
    if own and given:
        raise ValidationException(
            f"Environment variable map cannot be specified both at Model Package {_shown(own)} "
            f"and Model {_shown(given)}."
        )
    return {**packaged, "Environment": own or given}


def _shown(environment: dict[str, str]) -> str:
    return "{" + ", ".join(f"{name}={value}" for name, value in environment.items()) + "}"
