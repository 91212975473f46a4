"""What counts as a reason to train again, at the limits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from idc.monitor.options import Limits
from idc.monitor.reference import Reference, Spread
from idc.monitor.verdict import Outcome, compared, judge

LIMITS = Limits(drift=0.25, drop=0.05, min_patches=100, min_labels=10)
RNG = np.random.default_rng(5)
OWNER = np.repeat([f"patient{at}" for at in range(20)], 50)
VALUES = RNG.normal(size=1000)
SPREAD = Spread.of(VALUES, OWNER)


def figures(value: float | None, high: float | None = None) -> dict[str, Any]:
    return {"value": value, "low": None if high is None else 0.0, "high": high}


def labelled(**metrics: dict[str, Any]) -> dict[str, Any]:
    before = dict.fromkeys(("balanced_accuracy", "recall", "specificity"), figures(0.85, 0.9))
    return {"patches": 60, "reason": "", **before, **metrics}


def reference(value: float | None = 0.85) -> Reference:
    test = dict.fromkeys(("balanced_accuracy", "recall", "specificity"), figures(value, 0.9))
    return Reference("a" * 64, 0.5, 1.0, 0.0, 20, 1000, 0.3, {}, test)


def advised(said: dict[str, Any], of: Reference | None = None) -> tuple[Outcome, int]:
    outcome, reasons = judge({}, said, of or reference(), LIMITS)
    return outcome, len(reasons)


@pytest.mark.parametrize(
    ("shift", "status"), [(0.0, "steady"), (0.4, "watch"), (1.5, "drifted"), (-1.5, "drifted")]
)
def test_the_further_the_worse(shift: float, status: str) -> None:
    found = compared(SPREAD, RNG.normal(shift, size=400), 400, LIMITS)

    assert found["status"] == status
    assert found["index"] > found["by_chance"] or status == "steady"
    assert sum(found["shares"]) == pytest.approx(1)


def test_the_same_shift_from_one_source_is_watched_only() -> None:
    spread = Spread.of(VALUES + np.repeat(RNG.normal(scale=3, size=20), 50), OWNER)
    moved = RNG.normal(2.0, size=400)

    assert compared(spread, moved, 400, LIMITS)["status"] == "drifted"
    assert compared(spread, moved, 1, LIMITS)["status"] == "watch"


def test_too_few_patches_have_no_index() -> None:
    found = compared(SPREAD, np.full(99, 9.0), 99, LIMITS)

    assert (found["status"], "index" in found) == ("too few patches", False)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (labelled(), (Outcome.KEEP, 0)),
        (labelled(recall=figures(0.7, 0.8)), (Outcome.RETRAIN, 1)),
        (labelled(recall=figures(0.7, 0.8), balanced_accuracy=figures(0.6, 0.7)), (Outcome.RETRAIN, 2)),
        (labelled(recall=figures(0.7, 0.9)), (Outcome.KEEP, 0)),
        (labelled(recall=figures(0.81, 0.84)), (Outcome.KEEP, 0)),
        (labelled(specificity=figures(0.1, 0.2)), (Outcome.KEEP, 0)),
        (labelled(recall=figures(0.1)), (Outcome.KEEP, 0)),
        (labelled(recall=figures(None)), (Outcome.KEEP, 0)),
        ({"patches": 3, "reason": "too few labels"}, (Outcome.KEEP, 0)),
    ],
)
def test_worse_is_far_below_and_not_by_chance(said: dict[str, Any], expected: tuple[Outcome, int]) -> None:
    assert advised(said) == expected


def test_without_a_figure_on_test_patients_nothing_is_worse() -> None:
    assert advised(labelled(recall=figures(0.1, 0.2)), reference(None)) == (Outcome.KEEP, 0)
    assert judge({}, labelled(recall=figures(0.1, 0.2)), None, LIMITS) == (Outcome.KEEP, [])


def test_a_reference_is_written_and_read() -> None:
    made = Reference("a" * 64, 0.5, 1.0, 0.0, 20, 1000, 0.3, {"eosin": SPREAD}, {"patients": 2})

    assert Reference.from_dict(made.to_dict()) == made
    assert SPREAD.by_patient.sum() == 1000
