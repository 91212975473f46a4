"""CreateProcessingJob, DescribeProcessingJob, ListProcessingJobs, StopProcessingJob."""

from __future__ import annotations

import time

from embedded_aws.api import listing, tags
from embedded_aws.api.context import Context
from embedded_aws.jobs import processing
from embedded_aws.kinds import PROCESSING_JOB
from embedded_aws.store import Document
from embedded_aws.wire.faults import ResourceInUse, ResourceNotFound, ValidationException

ROOT = "/opt/ml/processing"


def create(context: Context, request: Document) -> Document:
    """Accept a processing job; the controller starts it when its turn comes.

    Raises:
        ResourceInUse: the name is taken.
        ValidationException: the parts of the request do not fit together.
    """
    _check(request)
    name = request["ProcessingJobName"]
    arn = context.arn(PROCESSING_JOB, name)
    with context.store.transaction():
        if not context.store.insert(PROCESSING_JOB, name, arn, processing.new(request, arn, time.time())):
            raise ResourceInUse(
                "Job name must be unique within an AWS account and region, and a job with this name "
                f"already exists ({arn})"
            )
        tags.attach(context, arn, request.get("Tags", []))
    context.wake_controller()
    return {"ProcessingJobArn": arn}


def describe(context: Context, request: Document) -> Document:
    """The whole job.

    Raises:
        ValidationException: there is none of that name.
    """
    document = context.store.get(PROCESSING_JOB, request["ProcessingJobName"])
    if document is None:
        raise ValidationException(_not_found(request))
    return document


def list_(context: Context, request: Document) -> Document:
    """A page of jobs."""
    return listing.page(context, PROCESSING_JOB, request, "ProcessingJobSummaries")


def stop(context: Context, request: Document) -> Document:
    """Ask a job to end.

    Raises:
        ResourceNotFound: there is none of that name.
        ValidationException: it has ended already.
    """

    def change(document: Document) -> None:
        if processing.is_final(document):
            status = document[processing.STATUS]
            raise ValidationException(
                f"The request was rejected because the processing job is in status {status}."
            )
        processing.ask_to_stop(document)

    if context.store.update(PROCESSING_JOB, request["ProcessingJobName"], change) is None:
        raise ResourceNotFound(_not_found(request))
    context.wake_controller()
    return {}


def _check(request: Document) -> None:
    """Rules between members, which the service model does not hold."""
    outputs = request.get("ProcessingOutputConfig", {}).get("Outputs", [])
    for member, channels, name in (
        ("S3Input", request.get("ProcessingInputs", []), "InputName"),
        ("S3Output", outputs, "OutputName"),
    ):
        names = [channel[name] for channel in channels]
        if len(set(names)) != len(names):
            raise ValidationException(f"Duplicate {name} found in the request: {', '.join(names)}")
        for channel in channels:
            path = channel.get(member, {}).get("LocalPath", ROOT)
            if path != ROOT and not path.startswith(f"{ROOT}/"):
                raise ValidationException(
                    f"LocalPath {path} of {channel[name]} is invalid, expected it below {ROOT}."
                )


def _not_found(request: Document) -> str:
    return f"Could not find requested job with name: {request['ProcessingJobName']}"
