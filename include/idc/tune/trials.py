"""What a tuning job found: its training jobs as trials, the best of them, and the table of all."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from idc.errors import JobFailed
from idc.jobs.spec import JobKind
from idc.jobs.state import JobState


@dataclass(frozen=True)
class Trial:
    """One training job of a search; `objective` is None where it reported none. Times are ISO 8601."""

    job: str
    definition: str
    status: str
    values: dict[str, str]
    metric: str
    objective: float | None
    created: str
    ended: str | None

    @classmethod
    def from_summary(cls, summary: Mapping[str, Any]) -> Self:
        """Read an entry of `ListTrainingJobsForHyperParameterTuningJob`."""
        objective = summary.get("FinalHyperParameterTuningJobObjectiveMetric") or {}
        ended: datetime | None = summary.get("TrainingEndTime")
        return cls(
            job=summary["TrainingJobName"],
            definition=summary.get("TrainingJobDefinitionName", ""),
            status=summary["TrainingJobStatus"],
            values=dict(summary["TunedHyperParameters"]),
            metric=objective.get("MetricName", ""),
            objective=objective.get("Value"),
            created=summary["CreationTime"].isoformat(),
            ended=ended.isoformat() if ended else None,
        )


@dataclass(frozen=True)
class TuningResult:
    """What a tuning job came to: its best training job, and where the table of all is.

    `objective` is of the metric `metric`; `counts` are of training jobs by status; seconds of work.
    """

    job: str
    arn: str
    run_s: int | None
    best_job: str
    values: dict[str, str]
    metric: str
    objective: float
    counts: dict[str, int]
    best_run_s: int | None
    model_data: str
    metrics: dict[str, float]
    hyperparameters: dict[str, str]
    table: str

    def to_dict(self) -> dict[str, Any]:
        """Return the result as the plain values that a task hands on."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the result that `to_dict` wrote."""
        return cls(**values)


def best_of(description: Mapping[str, Any]) -> Trial:
    """Return the best trial of a completed tuning job, as its description names it.

    Raises:
        JobFailed: none of its training jobs reported the objective.
    """
    kind = JobKind.TUNING
    found = description.get("BestTrainingJob")
    if not found:
        action = "Read the log of one of its training jobs: it must print the objective metric."
        name = description[f"{kind}Name"]
        raise JobFailed(kind, name, "no best training job", "one with an objective", action)
    return Trial.from_summary(found)


def result_of(
    state: JobState, trials: Iterable[Trial], best: Trial, training: Mapping[str, Any], table: str
) -> TuningResult:
    """Return the result of the tuning job `state`; `training` describes its best training job."""
    assert best.objective is not None  # what is best has one
    own = JobState.from_description(JobKind.TRAINING, training)
    return TuningResult(
        job=state.name,
        arn=state.arn,
        run_s=state.run_s,
        best_job=best.job,
        values=best.values,
        metric=best.metric,
        objective=best.objective,
        counts=dict(Counter(trial.status for trial in trials)),
        best_run_s=own.run_s,
        model_data=own.model_data,
        metrics=own.metrics,
        hyperparameters={
            name: value for name, value in training["HyperParameters"].items() if not name.startswith("_")
        },
        table=table,
    )


def value_names(trials: Iterable[Trial]) -> list[str]:
    """Return every hyperparameter that a trial has a value of, in the order in which they appear."""
    return list(dict.fromkeys(name for trial in trials for name in trial.values))


def as_csv(trials: Sequence[Trial]) -> bytes:
    """Return the table of all trials, a column for each hyperparameter."""
    names = value_names(trials)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["job", "definition", "status", "metric", "objective", "created", "ended", *names])
    for trial in trials:
        own = [trial.job, trial.definition, trial.status, trial.metric]
        figures = ["" if trial.objective is None else repr(trial.objective), trial.created, trial.ended or ""]
        writer.writerow([*own, *figures, *(trial.values.get(name, "") for name in names)])
    return text.getvalue().encode()
