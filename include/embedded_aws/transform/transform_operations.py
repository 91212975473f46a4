"""Operations of batch transform jobs, and checks that the service model does not contain."""

from __future__ import annotations

from embedded_aws.api import listing
from embedded_aws.api.context import Context
from embedded_aws.jobs.job_operations import JobResource
from embedded_aws.models import model_operations
from embedded_aws.store.resources import Document
from embedded_aws.transform import json_paths
from embedded_aws.transform.transform_states import STATES
from embedded_aws.wire.faults import ValidationException

LARGEST_PAYLOAD_MB = 100
SERVED_DATA_TYPES = ("S3Prefix", "ManifestFile")


class TransformResource(JobResource):
    """Transform jobs, which keep what they need of their model: it may be deleted meanwhile."""

    def create(self, context: Context, request: Document) -> Document:
        """Accept a transform job of a model.

        Raises:
            ResourceInUse: the name is taken.
            ValidationException: there is no such model, or the parts do not fit together.
        """
        containers = model_operations.containers(model_operations.find(context, request["ModelName"]))
        if len(containers) > 1:
            raise ValidationException(
                f"Model {request['ModelName']} has {len(containers)} containers, expected one: "
                "inference pipelines are not served here."
            )
        return super().create(context, {**request, "_container": containers[0]})

    def list_(self, context: Context, request: Document) -> Document:
        """A page of jobs, the newest first."""
        return listing.page(context, self.states.kind, request, "TransformJobSummaries", order="Descending")


def check(_context: Context, request: Document) -> None:
    """Rules between members.

    Raises:
        ValidationException: one is broken.
    """
    payload_mb = request.get("MaxPayloadInMB", 0)
    if payload_mb > LARGEST_PAYLOAD_MB:
        raise ValidationException(f"MaxPayloadInMB must not be greater than {LARGEST_PAYLOAD_MB} MB.")
    if payload_mb * request.get("MaxConcurrentTransforms", 0) > LARGEST_PAYLOAD_MB:
        raise ValidationException(
            f"The product of MaxConcurrentTransforms and MaxPayloadInMB must not be greater than "
            f"{LARGEST_PAYLOAD_MB} MB."
        )
    data_type = request["TransformInput"]["DataSource"]["S3DataSource"]["S3DataType"]
    if data_type not in SERVED_DATA_TYPES:
        raise ValidationException(
            f"S3DataType {data_type} is not supported for transform jobs, "
            f"expected one of: {', '.join(SERVED_DATA_TYPES)}."
        )
    for member in ("InputFilter", "OutputFilter"):
        text = request.get("DataProcessing", {}).get(member, json_paths.WHOLE)
        if not json_paths.is_path(text):
            raise ValidationException(f"{member} {text} is not a valid JSONPath expression.")


TRANSFORM = TransformResource(
    states=STATES,
    check=check,
    noun="transform job",
    taken="Job name must be unique within an AWS account and region, and a job with this name "
    "already exists ({arn})",
    missing="Could not find requested job with name: {name}",
)
