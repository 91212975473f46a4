"""Operations of training jobs, and checks that the service model does not contain."""

from __future__ import annotations

import re

from embedded_aws.api.context import Context
from embedded_aws.containers import runtimes
from embedded_aws.containers.container import ML
from embedded_aws.errors import UnknownRuntime
from embedded_aws.jobs.input_channel import PIPE
from embedded_aws.jobs.input_sources import AUGMENTED
from embedded_aws.jobs.job_operations import JobResource
from embedded_aws.store.resources import Document
from embedded_aws.training.training_states import CHECKPOINTS, DEFAULT_MAX_RUNTIME_S, STATES
from embedded_aws.wire.faults import ValidationException


def check(context: Context, request: Document) -> None:
    """Rules between members.

    Raises:
        ValidationException: one is broken.
    """
    specification = request.get("AlgorithmSpecification", {})
    if ("TrainingImage" in specification) == ("AlgorithmName" in specification):
        raise ValidationException(
            "You must specify either TrainingImage or AlgorithmName in AlgorithmSpecification."
        )
    if "StoppingCondition" not in request:
        raise ValidationException("StoppingCondition is required for a training job.")
    if "MetricDefinitions" in specification and own_metrics(context, specification):
        raise ValidationException(
            "You can't override the metric definitions for Amazon SageMaker algorithms. "
            "Please retry the request without specifying metric definitions."
        )
    groups = _checked_groups(request)
    _check_channels(request, groups)
    _check_waiting(request)
    _check_checkpoints(request)
    for definition in specification.get("MetricDefinitions", []):
        try:
            re.compile(definition["Regex"])
        except re.error as error:
            raise ValidationException(
                f"Invalid regex in metric definition {definition['Name']}: {error}"
            ) from error


def complete(context: Context, request: Document) -> Document:
    """The request with the metrics of one of the service's own algorithms."""
    specification = request["AlgorithmSpecification"]
    metrics = own_metrics(context, specification)
    if not metrics:
        return request
    return {**request, "AlgorithmSpecification": {**specification, "MetricDefinitions": metrics}}


def own_metrics(context: Context, specification: Document) -> list[dict[str, str]]:
    """The metrics of the image's algorithm, none if it is none of the service's own."""
    try:
        image = specification.get("TrainingImage", "")
        return runtimes.find(runtimes.load(context.settings), image).metric_definitions
    except UnknownRuntime:
        return []  # the job will tell


def _checked_groups(request: Document) -> set[str]:
    """The names of the instance groups."""
    resources = request.get("ResourceConfig")
    if resources is None:
        raise ValidationException("ResourceConfig is required for a training job.")
    is_plain = "InstanceType" in resources or "InstanceCount" in resources
    if is_plain == bool(resources.get("InstanceGroups")):
        raise ValidationException(
            "Either InstanceType and InstanceCount or InstanceGroups must be in ResourceConfig, and not both."
        )
    names = [group["InstanceGroupName"] for group in resources.get("InstanceGroups", [])]
    if len(set(names)) != len(names):
        raise ValidationException("Duplicate instance group names found in ResourceConfig.")
    return set(names)


def _check_channels(request: Document, groups: set[str]) -> None:
    channels = request.get("InputDataConfig", [])
    names = [channel["ChannelName"] for channel in channels]
    if len(set(names)) != len(names):
        raise ValidationException("Duplicate channel names found in InputDataConfig.")
    default_mode = request["AlgorithmSpecification"].get("TrainingInputMode", "File")
    for channel in channels:
        name, source = channel["ChannelName"], channel["DataSource"].get("S3DataSource")
        if source is None:
            raise ValidationException(f"Channel {name}: only S3DataSource is served here, expected one.")
        if source["S3DataType"] == "Converse":
            raise ValidationException(f"Channel {name}: S3DataType Converse is not served here.")
        if source["S3DataType"] == AUGMENTED:
            if channel.get("InputMode", default_mode) != PIPE:
                raise ValidationException(
                    f"Channel {name}: AugmentedManifestFile can only be used if the input mode is Pipe."
                )
            if not source.get("AttributeNames"):
                raise ValidationException(f"Channel {name}: AugmentedManifestFile needs AttributeNames.")
        unknown = set(source.get("InstanceGroupNames", [])) - groups
        if unknown:
            raise ValidationException(
                f"Channel {name}: no instance group is called {', '.join(sorted(unknown))}."
            )


def _check_waiting(request: Document) -> None:
    condition = request["StoppingCondition"]
    longest_s = condition.get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_S)
    waiting_s = condition.get("MaxWaitTimeInSeconds")
    if request.get("EnableManagedSpotTraining"):
        if waiting_s is None or waiting_s < longest_s:
            raise ValidationException(
                "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to "
                "MaxRuntimeInSeconds"
            )
    elif waiting_s is not None:
        raise ValidationException(
            "Invalid MaxWaitTimeInSeconds. It can only be given if EnableManagedSpotTraining is true"
        )


def _check_checkpoints(request: Document) -> None:
    path = request.get("CheckpointConfig", {}).get("LocalPath", CHECKPOINTS)
    parts = path.split("/")
    if not path.startswith(f"{ML}/") or ".." in parts:
        raise ValidationException(f"LocalPath {path} of CheckpointConfig is invalid, expected it below {ML}.")


def list_(context: Context, request: Document) -> Document:
    """A page of training jobs; none has a warm pool or a training plan here."""
    if "WarmPoolStatusEquals" in request or "TrainingPlanArnEquals" in request:
        return {"TrainingJobSummaries": []}
    return TRAINING.list_(context, request)


TRAINING = JobResource(
    states=STATES,
    check=check,
    complete=complete,
    noun="training job",
    taken="Training job names must be unique within an AWS account and region, and a training job "
    "with this name already exists ({arn})",
    missing="Requested resource not found.",
)
