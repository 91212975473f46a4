"""How far a tuning job is, and how long it may take: from its description alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

# The longest a search may take, by the service's quota; a grid may have no other limit.
LONGEST = timedelta(days=30)
DAY_S = 86400
_STOPPING = {"MaxRuntimeInSeconds": DAY_S, "MaxWaitTimeInSeconds": 0}


def definitions(description: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the training job definitions of a tuning job, one or several."""
    one = description.get("TrainingJobDefinition")
    return [one] if one else list(description.get("TrainingJobDefinitions", []))


def time_limit(description: Mapping[str, Any]) -> timedelta:
    """Return how long the search may take at most once its jobs get their turn."""
    limits = description.get("HyperParameterTuningJobConfig", {}).get("ResourceLimits", {})
    if "MaxRuntimeInSeconds" in limits:
        return timedelta(seconds=limits["MaxRuntimeInSeconds"])
    if "MaxNumberOfTrainingJobs" not in limits:
        return LONGEST
    rounds = math.ceil(limits["MaxNumberOfTrainingJobs"] / limits["MaxParallelTrainingJobs"])
    longest_s = max((_job_limit_s(one) for one in definitions(description)), default=DAY_S)
    return min(timedelta(seconds=rounds * longest_s), LONGEST)


def progress(description: Mapping[str, Any]) -> str:
    """Return one line for a log: how many training jobs have ended, how, and the best objective so far."""
    counters = description.get("TrainingJobStatusCounters", {})
    failed = counters.get("RetryableError", 0) + counters.get("NonRetryableError", 0)
    parts = {
        "completed": counters.get("Completed", 0),
        "running": counters.get("InProgress", 0),
        "stopped": counters.get("Stopped", 0),
        "failed": failed,
    }
    said = ", ".join(f"{count} {state}" for state, count in parts.items() if count) or "none begun"
    limits = description.get("HyperParameterTuningJobConfig", {}).get("ResourceLimits", {})
    most = limits.get("MaxNumberOfTrainingJobs")
    jobs = f"training jobs, of {most}" if most else "training jobs"
    best = description.get("BestTrainingJob") or {}
    objective = best.get("FinalHyperParameterTuningJobObjectiveMetric")
    if not objective:
        return f"{jobs}: {said}; no objective yet"
    value = f"{objective['MetricName']} {objective['Value']:.4f}"
    return f"{jobs}: {said}; best {value} by {best['TrainingJobName']}"


def _job_limit_s(definition: Mapping[str, Any]) -> int:
    stopping = definition.get("StoppingCondition", {})
    return max(int(stopping.get(name, default)) for name, default in _STOPPING.items())
