"""One job on the page: instances, billed time, estimated cost, inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from idc.jobs.spec import JobKind
from idc.jobs.state import JobState

Description = Mapping[str, Any]
Price = Callable[[str], float | None]  # US dollars for an hour of an instance type, None if unknown


def details(kind: JobKind, description: Description, now: datetime, price: Price) -> dict[str, Any]:
    """Return what the page shows of a described job.

    `billable_s` is of one instance; while the job runs, it is how long it has run so far. `cost_usd` is None
    where the price is not known, and for a tuning job, whose training jobs are billed each for itself.
    """
    state = JobState.from_description(kind, description)
    instance_type, instances = _instances(kind, description)
    billable_s = _billable_s(kind, description, state, now)
    hourly = price(instance_type) if instance_type else None
    is_priced = hourly is not None and billable_s is not None
    return {
        "kind": kind.name.lower(),
        "name": state.name,
        "arn": state.arn,
        "status": state.status,
        "is_over": state.is_over,
        "secondary_status": state.secondary_status,
        "note": state.failure_reason or state.progress,
        "created": state.created.isoformat(),
        "started": state.started.isoformat() if state.started else None,
        "ended": state.ended.isoformat() if state.ended else None,
        "limit_s": round(state.limit.total_seconds()),
        "instance_type": instance_type,
        "instances": instances,
        "billable_s": billable_s,
        "cost_usd": billable_s / 3600 * instances * hourly if is_priced and hourly and billable_s else None,
        "metrics": state.metrics,
        "model_data": state.model_data,
    }


def contents(kind: JobKind, description: Description) -> dict[str, Any]:
    """Return the lists of a job's own page: hyperparameters, inputs, outputs, image, and its search."""
    specification = description.get("AlgorithmSpecification", description.get("AppSpecification", {}))
    return {
        "image": specification.get("TrainingImage") or specification.get("ImageUri", ""),
        "model": description.get("ModelName", ""),
        "tuning_job": description.get("TuningJobArn", "").rpartition("/")[2],
        "hyperparameters": dict(description.get("HyperParameters", {})),
        "inputs": _inputs(kind, description),
        "outputs": _outputs(kind, description),
        "best": _best(description.get("BestTrainingJob")),
    }


def _instances(kind: JobKind, description: Description) -> tuple[str, int]:
    where = {
        JobKind.TRAINING: description.get("ResourceConfig", {}),
        JobKind.PROCESSING: description.get("ProcessingResources", {}).get("ClusterConfig", {}),
        JobKind.TRANSFORM: description.get("TransformResources", {}),
        JobKind.TUNING: {},
    }[kind]
    return where.get("InstanceType", ""), where.get("InstanceCount", 1)


def _billable_s(kind: JobKind, description: Description, state: JobState, now: datetime) -> int | None:
    if kind is JobKind.TUNING:
        return None
    billed = description.get("BillableTimeInSeconds")
    if billed is not None and state.is_over:
        return int(billed)
    if state.is_over:
        return state.run_s
    return max(0, round((now - state.started).total_seconds())) if state.started else None


def _inputs(kind: JobKind, description: Description) -> list[dict[str, str]]:
    if kind is JobKind.TRANSFORM:
        source = description.get("TransformInput", {}).get("DataSource", {}).get("S3DataSource", {})
        return [{"name": "input", "uri": source.get("S3Uri", "")}]
    if kind is JobKind.PROCESSING:
        given = description.get("ProcessingInputs", [])
        return [{"name": one["InputName"], "uri": one.get("S3Input", {}).get("S3Uri", "")} for one in given]
    channels = description.get("InputDataConfig", [])
    sources = ((one["ChannelName"], one.get("DataSource", {}).get("S3DataSource", {})) for one in channels)
    return [{"name": name, "uri": source.get("S3Uri", "")} for name, source in sources]


def _outputs(kind: JobKind, description: Description) -> list[dict[str, str]]:
    if kind is JobKind.PROCESSING:
        given: Sequence[Description] = description.get("ProcessingOutputConfig", {}).get("Outputs", [])
        return [{"name": one["OutputName"], "uri": one.get("S3Output", {}).get("S3Uri", "")} for one in given]
    if kind is JobKind.TRANSFORM:
        return [{"name": "output", "uri": description.get("TransformOutput", {}).get("S3OutputPath", "")}]
    model = description.get("ModelArtifacts", {}).get("S3ModelArtifacts", "")
    return [{"name": "model", "uri": model}] if model else []


def _best(summary: Description | None) -> dict[str, Any] | None:
    if not summary:
        return None
    objective = summary.get("FinalHyperParameterTuningJobObjectiveMetric") or {}
    return {
        "job": summary["TrainingJobName"],
        "metric": objective.get("MetricName", ""),
        "objective": objective.get("Value"),
        "values": dict(summary.get("TunedHyperParameters", {})),
    }
