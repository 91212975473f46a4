"""CreateTrainingJob, DescribeTrainingJob, ListTrainingJobs, StopTrainingJob."""

from __future__ import annotations

import re
import time

from embedded_aws.api import listing, tags
from embedded_aws.api.context import Context
from embedded_aws.jobs import training
from embedded_aws.kinds import TRAINING_JOB
from embedded_aws.store import Document
from embedded_aws.wire.faults import ResourceInUse, ResourceNotFound, ValidationException

NOT_FOUND = "Requested resource not found."


def create(context: Context, request: Document) -> Document:
    """Accept a training job; the controller starts it when its turn comes.

    Raises:
        ResourceInUse: the name is taken.
        ValidationException: the parts of the request do not fit together.
    """
    _check(request)
    name = request["TrainingJobName"]
    arn = context.arn(TRAINING_JOB, name)
    with context.store.transaction():
        if not context.store.insert(TRAINING_JOB, name, arn, training.new(request, arn, time.time())):
            raise ResourceInUse(
                "Training job names must be unique within an AWS account and region, and a training job "
                f"with this name already exists ({arn})"
            )
        tags.attach(context, arn, request.get("Tags", []))
    context.wake_controller()
    return {"TrainingJobArn": arn}


def describe(context: Context, request: Document) -> Document:
    """The whole job.

    Raises:
        ValidationException: there is none of that name.
    """
    document = context.store.get(TRAINING_JOB, request["TrainingJobName"])
    if document is None:
        raise ValidationException(NOT_FOUND)
    return document


def list_(context: Context, request: Document) -> Document:
    """A page of jobs."""
    return listing.page(context, TRAINING_JOB, request, "TrainingJobSummaries")


def stop(context: Context, request: Document) -> Document:
    """Ask a job to end.

    Raises:
        ResourceNotFound: there is none of that name.
        ValidationException: it has ended already.
    """

    def change(document: Document) -> None:
        if training.is_final(document):
            raise ValidationException(
                f"The request was rejected because the training job is in status {document[training.STATUS]}."
            )
        if document[training.STATUS] != "Stopping":
            training.ask_to_stop(document, time.time())

    if context.store.update(TRAINING_JOB, request["TrainingJobName"], change) is None:
        raise ResourceNotFound(NOT_FOUND)
    context.wake_controller()
    return {}


def _check(request: Document) -> None:
    """Rules between members, which the service model does not hold."""
    specification = request.get("AlgorithmSpecification", {})
    if ("TrainingImage" in specification) == ("AlgorithmName" in specification):
        raise ValidationException(
            "You must specify either TrainingImage or AlgorithmName in AlgorithmSpecification."
        )
    if "ResourceConfig" not in request:
        raise ValidationException("ResourceConfig is required for a training job.")
    if "InstanceType" not in request["ResourceConfig"] and "InstanceGroups" not in request["ResourceConfig"]:
        raise ValidationException(
            "Either InstanceType and InstanceCount or InstanceGroups must be in ResourceConfig."
        )
    if "StoppingCondition" not in request:
        raise ValidationException("StoppingCondition is required for a training job.")
    channels = [channel["ChannelName"] for channel in request.get("InputDataConfig", [])]
    if len(set(channels)) != len(channels):
        raise ValidationException("Duplicate channel names found in InputDataConfig.")
    for definition in specification.get("MetricDefinitions", []):
        try:
            re.compile(definition["Regex"])
        except re.error as error:
            raise ValidationException(
                f"Invalid regex in metric definition {definition['Name']}: {error}"
            ) from error
