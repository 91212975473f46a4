"""Progress of a tuning job: counters and best jobs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from embedded_aws.store.resources import Document
from embedded_aws.tuning.trials import Trial

IDENTICAL = "IdenticalDataAndAlgorithm"


def counters(trials: Sequence[Trial]) -> Document:
    """The two counters of Describe and List."""
    statuses = [trial.status for trial in trials]
    errors = [trial for trial in trials if trial.status == "Failed"]
    retryable = sum("InternalServerError" in str(trial.summary.get("FailureReason")) for trial in errors)
    objective_statuses = [trial.summary["ObjectiveStatus"] for trial in trials]
    return {
        "TrainingJobStatusCounters": {
            "Completed": statuses.count("Completed"),
            "InProgress": statuses.count("InProgress") + statuses.count("Stopping"),
            "RetryableError": retryable,
            "NonRetryableError": len(errors) - retryable,
            "Stopped": statuses.count("Stopped"),
        },
        "ObjectiveStatusCounters": {
            name: objective_statuses.count(name) for name in ("Succeeded", "Pending", "Failed")
        },
    }


def best(trials: Iterable[Trial], *, is_maximized: bool) -> Trial | None:
    """The trial with the best objective, of equal ones the first; None if none has one."""
    found: tuple[float, Trial] | None = None
    for trial in trials:
        if trial.objective is None:
            continue
        score = trial.objective if is_maximized else -trial.objective
        if found is None or score > found[0]:
            found = score, trial
    return found[1] if found else None


def not_improving(trials: Iterable[Trial], *, is_maximized: bool) -> int:
    """How many jobs have ended since the best objective was found, in the order of their ends."""
    ended = [trial for trial in trials if trial.is_final]
    ended.sort(key=lambda trial: trial.summary.get("TrainingEndTime", trial.created))
    leader = best(ended, is_maximized=is_maximized)
    return len(ended) - 1 - ended.index(leader) if leader else len(ended)
