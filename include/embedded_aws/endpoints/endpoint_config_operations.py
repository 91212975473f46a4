"""CreateEndpointConfig, DescribeEndpointConfig, ListEndpointConfigs, DeleteEndpointConfig."""

from __future__ import annotations

import time

from embedded_aws.api import listing, tags
from embedded_aws.api.context import Context
from embedded_aws.models import model_operations
from embedded_aws.store.kinds import ENDPOINT_CONFIG
from embedded_aws.store.resources import Document
from embedded_aws.wire.faults import ValidationException

_NOT_SERVED = {"ShadowProductionVariants": "shadow variants", "ExplainerConfig": "explanations"}


def create(context: Context, request: Document) -> Document:
    """Keep a configuration: which models, on how many instances, with what weights.

    Raises:
        ValidationException: the name is taken, a variant's name occurs twice or its model is absent.
    """
    for member, what in _NOT_SERVED.items():
        if member in request:
            raise ValidationException(f"{member} cannot be specified: {what} are not served here.")
    variants = request["ProductionVariants"]
    if "AsyncInferenceConfig" in request and len(variants) > 1:
        raise ValidationException(
            "Only a single production variant is supported when AsyncInferenceConfig is specified."
        )
    names = [variant["VariantName"] for variant in variants]
    if len(set(names)) != len(names):
        raise ValidationException(f"Duplicate variant names found: {', '.join(names)}")
    for variant in variants:
        if "ModelName" not in variant:
            raise ValidationException(
                f"ModelName is required for production variant {variant['VariantName']}."
            )
        if "InstanceType" not in variant:
            raise ValidationException(
                f"Production variant {variant['VariantName']} needs InstanceType and InitialInstanceCount; "
                "serverless variants are not served here."
            )
        model_operations.find(context, variant["ModelName"])
    _check_destinations(request)
    name = request["EndpointConfigName"]
    arn = context.arn(ENDPOINT_CONFIG, name)
    document = {
        **{member: value for member, value in request.items() if member != "Tags"},
        "ProductionVariants": [
            {"InitialInstanceCount": 1, "InitialVariantWeight": 1.0, **variant} for variant in variants
        ],
        "EndpointConfigArn": arn,
        "CreationTime": time.time(),
    }
    with context.store.transaction():
        if not context.store.insert(ENDPOINT_CONFIG, name, arn, document):
            raise ValidationException(f'Cannot create already existing endpoint configuration "{arn}".')
        tags.attach(context, arn, request.get("Tags", []))
    return {"EndpointConfigArn": arn}


def _check_destinations(request: Document) -> None:
    output = request.get("AsyncInferenceConfig", {}).get("OutputConfig", {})
    capture = request.get("DataCaptureConfig", {})
    for member in ("S3OutputPath", "S3FailurePath", "DestinationS3Uri"):
        value = output.get(member) or capture.get(member)
        if value and not value.startswith("s3://"):
            raise ValidationException(f"{member} {value}: only s3://bucket/prefix is served here.")


def find(context: Context, name: str) -> Document:
    """The configuration of that name.

    Raises:
        ValidationException: there is none.
    """
    document = context.store.get(ENDPOINT_CONFIG, name)
    if document is None:
        raise ValidationException(
            f'Could not find endpoint configuration "{context.arn(ENDPOINT_CONFIG, name)}".'
        )
    return document


def describe(context: Context, request: Document) -> Document:
    """The whole configuration."""
    return find(context, request["EndpointConfigName"])


def list_(context: Context, request: Document) -> Document:
    """A page of configurations."""
    return listing.page(context, ENDPOINT_CONFIG, request, "EndpointConfigs", order="Descending")


def delete(context: Context, request: Document) -> Document:
    """Forget a configuration; endpoints made from it keep what they need."""
    find(context, request["EndpointConfigName"])
    context.store.delete(ENDPOINT_CONFIG, request["EndpointConfigName"])
    return {}
