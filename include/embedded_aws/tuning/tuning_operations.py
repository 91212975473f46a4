"""Operations of hyperparameter tuning jobs."""

from __future__ import annotations

import base64
import json
import math
import secrets
from typing import Any

from embedded_aws.api import listing
from embedded_aws.api.context import Context
from embedded_aws.jobs.job_operations import JobResource
from embedded_aws.store.kinds import TUNING_JOB
from embedded_aws.store.resources import Document
from embedded_aws.tuning import parents, progress, trials
from embedded_aws.tuning.definitions import definitions
from embedded_aws.tuning.progress import IDENTICAL, best
from embedded_aws.tuning.trials import Trial
from embedded_aws.tuning.tuning_checks import check, complete
from embedded_aws.tuning.tuning_states import STATES
from embedded_aws.wire.faults import ResourceNotFound, ValidationException

DEFAULT_PAGE = 10
_SORTED_BY = {"Name": "TrainingJobName", "CreationTime": "CreationTime", "Status": "TrainingJobStatus"}


class TuningResource(JobResource):
    """Tuning jobs, whose answers tell of their training jobs as they are now."""

    def create(self, context: Context, request: Document) -> Document:
        """Accept a tuning job, with a seed of its own in case it gives none.

        Raises:
            ResourceInUse: the name is taken.
            ValidationException: the parts of the request do not fit together.
        """
        return super().create(context, {**request, "_seed": secrets.randbelow(2**31)})

    def describe(self, context: Context, request: Document) -> Document:
        """The whole job.

        Raises:
            ResourceNotFound: there is none of that name.
        """
        document = _find(context, request)
        own = definitions(document)
        found = trials.read(context.store, document, own)
        is_maximized = own[0].is_maximized
        answer = {**document, **progress.counters(found)}
        leader = best(found, is_maximized=is_maximized)
        if leader:
            answer["BestTrainingJob"] = leader.summary
        if document.get("WarmStartConfig", {}).get("WarmStartType") == IDENTICAL:
            family = [*found, *(trial for _, trial in parents.trials_of(context.store, document))]
            overall = best(family, is_maximized=is_maximized)
            if overall:
                answer["OverallBestTrainingJob"] = overall.summary
        if leader:
            since = progress.not_improving(found, is_maximized=is_maximized)
            answer["TuningJobCompletionDetails"] = {"NumberOfTrainingJobsObjectiveNotImproving": since}
        answer["ConsumedResources"] = {"RuntimeInSeconds": _runtime_s(found)}
        return answer

    def list_(self, context: Context, request: Document) -> Document:
        """A page of tuning jobs."""
        answer = listing.page(context, TUNING_JOB, request, "HyperParameterTuningJobSummaries")
        answer["HyperParameterTuningJobSummaries"] = [
            _summary(context, document) for document in answer["HyperParameterTuningJobSummaries"]
        ]
        return answer

    def delete(self, context: Context, request: Document) -> Document:
        """Forget a tuning job that has ended; its training jobs stay.

        Raises:
            ResourceNotFound: there is none of that name.
            ValidationException: it has not ended.
        """
        document = _find(context, request)
        answer = super().delete(context, request)
        context.store.execute(
            "DELETE FROM trial WHERE tuning_job = ?", (document["HyperParameterTuningJobArn"],)
        )
        return answer


def list_training_jobs(context: Context, request: Document) -> Document:
    """A page of the training jobs of one tuning job; sorted by objective, those without one are left out.

    Raises:
        ResourceNotFound: there is no such tuning job.
        ValidationException: the token is not one of ours.
    """
    document = _find(context, request)
    found = trials.read(context.store, document, definitions(document))
    status = request.get("StatusEquals")
    found = [trial for trial in found if status is None or trial.status == status]
    by = request.get("SortBy", "Name")
    if by == "FinalObjectiveMetricValue":
        found = [trial for trial in found if trial.objective is not None]
    found.sort(
        key=lambda trial: (_sort_value(trial, by), trial.number),
        reverse=request.get("SortOrder", "Ascending") == "Descending",
    )
    start = _place(request["NextToken"], found) if "NextToken" in request else 0
    end = start + request.get("MaxResults", DEFAULT_PAGE)
    answer: Document = {"TrainingJobSummaries": [trial.summary for trial in found[start:end]]}
    if end < len(found):
        answer["NextToken"] = _token(found[end - 1])
    return answer


def _find(context: Context, request: Document) -> Document:
    name = request["HyperParameterTuningJobName"]
    document = context.store.get(TUNING_JOB, name)
    if document is None:
        raise ResourceNotFound(TUNING.missing.format(name=name))
    return document


def _summary(context: Context, document: Document) -> Document:
    found = trials.read(context.store, document, definitions(document))
    config = document["HyperParameterTuningJobConfig"]
    own = {"Strategy": config["Strategy"], "ResourceLimits": config["ResourceLimits"]}
    return {**document, **progress.counters(found), **own}


def _runtime_s(found: list[Trial]) -> int:
    """What the training jobs that have ended took together."""
    ended = [trial.summary for trial in found if "TrainingEndTime" in trial.summary]
    seconds = (own["TrainingEndTime"] - own.get("TrainingStartTime", own["TrainingEndTime"]) for own in ended)
    return math.ceil(float(sum(seconds)))


def _sort_value(trial: Trial, by: str) -> Any:
    return trial.objective if by == "FinalObjectiveMetricValue" else trial.summary[_SORTED_BY[by]]


def _token(trial: Trial) -> str:
    return base64.urlsafe_b64encode(json.dumps(trial.number).encode()).decode()


def _place(token: str, found: list[Trial]) -> int:
    """Where the page after the token's begins."""
    try:
        number = json.loads(base64.urlsafe_b64decode(token.encode()))
        return [trial.number for trial in found].index(number) + 1
    except ValueError as error:
        raise ValidationException("Invalid NextToken: it is not one this service gave.") from error


TUNING = TuningResource(
    states=STATES,
    check=check,
    complete=complete,
    noun="hyperparameter tuning job",
    taken="Hyperparameter tuning job names must be unique within an AWS account and region, and a "
    "hyperparameter tuning job with this name already exists ({arn})",
    missing="Amazon SageMaker can't find a hyperparameter tuning job with the name {name}.",
)
