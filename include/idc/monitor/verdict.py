"""Advise whether to train a served model again, from drift and doctors' labels."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import numpy as np

from idc.evaluate import metrics_table
from idc.evaluate.bootstrap import Counts, Floats
from idc.evaluate.metrics_table import Direction, Metric
from idc.evaluate.results import SEED
from idc.monitor.drift import WATCH, binned, by_chance, shares, stability_index
from idc.monitor.options import Limits
from idc.monitor.quantities import NAMES
from idc.monitor.reference import Reference, Spread


class Outcome(StrEnum):
    """What is advised."""

    KEEP = "keep"
    RETRAIN = "retrain"


class Status(StrEnum):
    """How far a quantity has moved."""

    STEADY = "steady"
    WATCH = "watch"
    DRIFTED = "drifted"
    UNKNOWN = "too few patches"


def compared(spread: Spread, values: Floats, sources: int, limits: Limits) -> dict[str, Any]:
    """Return the drift of a quantity, shape (patches,), from its reference.

    It has drifted if its index reaches the limit, and as few patients as there are sources would not.
    """
    edges, by_patient = np.array(spread.edges), spread.by_patient
    expected: Counts = by_patient.sum(0)
    facts: dict[str, Any] = {
        "patches": len(values),
        "reference_mean": spread.mean,
        "reference_deviation": spread.deviation,
        "edges": spread.edges,
        "reference_shares": shares(expected).tolist(),
    }
    if len(values) < limits.min_patches:
        return {**facts, "status": str(Status.UNKNOWN)}
    observed = binned(values, edges)
    index, chance = float(stability_index(expected, observed)), by_chance(by_patient, sources, SEED)
    status = Status.STEADY if index < min(WATCH, limits.drift) else Status.WATCH
    if index >= limits.drift and index > chance:
        status = Status.DRIFTED
    return {
        **facts,
        "status": str(status),
        "index": index,
        "by_chance": chance,
        "mean": float(values.mean()),
        "deviation": float(values.std()),
        "shares": shares(observed).tolist(),
    }


def judge(
    drift: Mapping[str, Mapping[str, Any]],
    feedback: Mapping[str, Any],
    reference: Reference | None,
    limits: Limits,
) -> tuple[Outcome, list[str]]:
    """Return what is advised, and the reasons for training again; none, and the model stays as it is.

    A metric counts as worse if it is further below its figure on the test patients than the limit allows, and
    its upper bound is below that figure too.
    """
    reasons = [
        f"{NAMES[name]}: stability index {one['index']:.3f} over {one['patches']} patches, "
        f"limit {limits.drift:g}, by chance up to {one['by_chance']:.3f}"
        for name, one in drift.items()
        if one["status"] == Status.DRIFTED
    ]
    if not feedback.get("reason", "none") and reference is not None:
        reasons += [
            _worse(metric, feedback, reference)
            for metric in metrics_table.gated()
            if _is_worse(metric, feedback.get(metric.key), reference.test.get(metric.key), limits.drop)
        ]
    return (Outcome.RETRAIN if reasons else Outcome.KEEP), reasons


def _is_worse(
    metric: Metric, now: Mapping[str, Any] | None, before: Mapping[str, Any] | None, drop: float
) -> bool:
    """Return whether even the optimistic bound of `now` is worse than `before`."""
    value, bound = (now or {}).get("value"), (now or {}).get(_optimistic(metric))
    expected = (before or {}).get("value")
    if value is None or bound is None or expected is None:
        return False
    sign = 1 if metric.direction is Direction.HIGHER else -1
    return bool(sign * value < sign * expected - drop and sign * bound < sign * expected)


def _worse(metric: Metric, feedback: Mapping[str, Any], reference: Reference) -> str:
    now, before = feedback[metric.key], reference.test[metric.key]
    relation = "at most" if metric.direction is Direction.HIGHER else "at least"
    return (
        f"{metric.label} on {feedback['patches']} labelled patches: {metric.number(now['value'])} "
        f"({relation} {metric.number(now[_optimistic(metric)])}), "
        f"on test patients {metric.number(before['value'])}"
    )


def _optimistic(metric: Metric) -> str:
    return "high" if metric.judged_bound == "low" else "low"
