"""Recorded trials: the training jobs of a tuning job.

A trial and its job are written in one transaction. When the job ends, its outcome is copied into the
trial, so the trial outlives the job.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from embedded_aws.cloudwatch import metrics
from embedded_aws.store.kinds import TRAINING_JOB
from embedded_aws.store.resources import Document, Store
from embedded_aws.training.training_states import STATES as TRAINING_STATES
from embedded_aws.tuning.definitions import Definition

NAME_DIGITS = 8


@dataclass(frozen=True)
class Trial:
    """One training job of a search: its number from 1 on, its summary as listings have it."""

    number: int
    summary: Document
    is_settled: bool

    @property
    def name(self) -> str:
        """The training job's name."""
        return str(self.summary["TrainingJobName"])

    @property
    def arn(self) -> str:
        """The training job's ARN."""
        return str(self.summary["TrainingJobArn"])

    @property
    def definition(self) -> str:
        """The name of its training job definition, empty if that has none."""
        return str(self.summary.get("TrainingJobDefinitionName", ""))

    @property
    def status(self) -> str:
        """The training job's status."""
        return str(self.summary["TrainingJobStatus"])

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens to the job."""
        return TRAINING_STATES.is_final(self.summary)

    @property
    def values(self) -> dict[str, str]:
        """The tuned hyperparameters."""
        return dict(self.summary["TunedHyperParameters"])

    @property
    def created(self) -> float:
        """When the job was created."""
        return float(self.summary["CreationTime"])

    @property
    def objective(self) -> float | None:
        """The final objective, None if there is none (yet)."""
        metric = self.summary.get("FinalHyperParameterTuningJobObjectiveMetric")
        return None if metric is None else float(metric["Value"])


def job_name(tuning_job: str, number: int) -> str:
    """The name of the job of this number: the same whenever it is asked for."""
    digest = hashlib.sha256(f"{tuning_job}/{number}".encode()).hexdigest()
    return f"{tuning_job}-{number:03d}-{digest[:NAME_DIGITS]}"


def add(store: Store, tuning_job: Document, definition: Definition, number: int, job: Document) -> bool:
    """Put a new training job and its trial on record, both or neither; False if the job's name is taken.

    `job` is the training job's document, with its tuned hyperparameters under `_tuned`.
    """
    name = tuning_job["HyperParameterTuningJobName"]
    summary = {
        "TrainingJobName": job["TrainingJobName"],
        "TrainingJobArn": job["TrainingJobArn"],
        "TuningJobName": name,
        "CreationTime": job["CreationTime"],
        "TrainingJobStatus": job["TrainingJobStatus"],
        "TunedHyperParameters": job["_tuned"],
        "ObjectiveStatus": "Pending",
    }
    if definition.name:
        summary["TrainingJobDefinitionName"] = definition.name
    with store.transaction():
        if not store.insert(TRAINING_JOB, job["TrainingJobName"], job["TrainingJobArn"], job):
            return False
        store.execute(  # a tuning job's tags are its training jobs' too
            "INSERT INTO tag SELECT ?, key, value FROM tag WHERE arn = ?",
            (job["TrainingJobArn"], tuning_job["HyperParameterTuningJobArn"]),
        )
        store.execute(
            "INSERT INTO trial VALUES (?, ?, ?, ?)",
            (
                tuning_job["HyperParameterTuningJobArn"],
                number,
                job["TrainingJobName"],
                json.dumps({"summary": summary, "is_settled": False}),
            ),
        )
    return True


def read(store: Store, tuning_job: Document, definitions: Sequence[Definition]) -> list[Trial]:
    """All trials of a tuning job by number, as their training jobs are now."""
    by_name = {definition.name: definition for definition in definitions}
    rows = store.query(
        "SELECT trial.number, trial.document, resource.document FROM trial LEFT JOIN resource "
        "ON resource.kind = ? AND resource.name = trial.training_job "
        "WHERE tuning_job = ? ORDER BY trial.number",
        (TRAINING_JOB.name, tuning_job["HyperParameterTuningJobArn"]),
    )
    trials = []
    for number, text, job_text in rows:
        document = json.loads(text)
        summary = document["summary"]
        if not document["is_settled"]:
            job = json.loads(job_text) if job_text else _deleted(summary)
            definition = by_name[summary.get("TrainingJobDefinitionName", "")]
            summary = _summary(store, summary, job, definition)
        trials.append(Trial(number, summary, document["is_settled"]))
    return trials


def settle(store: Store, tuning_job: Document, trial: Trial) -> None:
    """Keep the outcome of a trial whose job has ended."""
    store.execute(
        "UPDATE trial SET document = ? WHERE tuning_job = ? AND number = ?",
        (
            json.dumps({"summary": trial.summary, "is_settled": True}),
            tuning_job["HyperParameterTuningJobArn"],
            trial.number,
        ),
    )


def job_names(store: Store, tuning_arn: str) -> list[str]:
    """The names of a tuning job's training jobs."""
    rows = store.query("SELECT training_job FROM trial WHERE tuning_job = ?", (tuning_arn,))
    return [str(name) for (name,) in rows]


def objectives(store: Store, trial: Trial, definition: Definition) -> list[float]:
    """The objective of a trial so far, one value an epoch."""
    return metrics.series(store, trial.arn, definition.metric, trial.created)


def _summary(store: Store, summary: Document, job: Document, definition: Definition) -> Document:
    """The summary of a trial as its training job is now."""
    members = ("TrainingJobStatus", "TrainingStartTime", "TrainingEndTime", "FailureReason")
    found = {**summary, **{name: job[name] for name in members if name in job}}
    if not TRAINING_STATES.is_final(job):
        return found
    values = metrics.series(store, summary["TrainingJobArn"], definition.metric, summary["CreationTime"])
    if not values or job["TrainingJobStatus"] == "Failed":
        return {**found, "ObjectiveStatus": "Failed"}
    metric = {"Type": definition.objective["Type"], "MetricName": definition.metric, "Value": values[-1]}
    return {**found, "ObjectiveStatus": "Succeeded", "FinalHyperParameterTuningJobObjectiveMetric": metric}


def _deleted(summary: Document) -> Document:
    reason = "The training job was deleted."
    return {**summary, "TrainingJobStatus": "Failed", "FailureReason": reason}
