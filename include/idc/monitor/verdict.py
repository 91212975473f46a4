"""Whether a served model should be trained again, and why: from drift and from doctors' labels."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import numpy as np

from idc.evaluate.bootstrap import Counts, Floats
from idc.evaluate.names import METRICS as WORDS
from idc.evaluate.results import SEED
from idc.monitor.drift import WATCH, binned, by_chance, shares, stability_index
from idc.monitor.options import Limits
from idc.monitor.quantities import NAMES
from idc.monitor.reference import Reference, Spread

JUDGED = ("balanced_accuracy", "recall")  # as the gates of a deployment


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
    """Return how far a quantity, shape (patches,), has moved from where its reference is.

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
            f"{WORDS[name]} on {feedback['patches']} labelled patches: {feedback[name]['value']:.3f} "
            f"(at most {feedback[name]['high']:.3f}), on test patients {reference.test[name]['value']:.3f}"
            for name in JUDGED
            if _is_worse(feedback[name], reference.test[name], limits.drop)
        ]
    return (Outcome.RETRAIN if reasons else Outcome.KEEP), reasons


def _is_worse(now: Mapping[str, Any], before: Mapping[str, Any], drop: float) -> bool:
    if now["value"] is None or now["high"] is None or before["value"] is None:
        return False
    return bool(now["value"] < before["value"] - drop and now["high"] < before["value"])
