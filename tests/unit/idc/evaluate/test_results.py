"""Challenger and champion on the same patients: who counts, and what the difference is worth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from idc.errors import InputError
from idc.evaluate import results
from idc.evaluate.metrics import measure
from idc.evaluate.pairing import compare
from idc.evaluate.predictions import Predictions
from idc.evaluate.served_model import ServedModel
from idc.train.candidates import Candidate

CANDIDATE = Candidate("mxnet", "2026-10", "d" * 64, "job", "s3://b/new", "n" * 64, 1, {}, {})
CHAMPION = ServedModel(
    "tensorflow", "2026-09", "e" * 64, "job", "", "s3://b/old", "o" * 64, 0.4, 1.0, 0.0, False, "", "", "", ""
)


DRAWS = 120


def rival(model: ServedModel, predictions: Predictions, seen: set[str] | None) -> results.Rival:
    return results.evaluate_champion(model, predictions, seen, draws=DRAWS)


def answers(skill: float, seed: int = 1, patients: int = 12) -> Predictions:
    """Half validation, half test patients of 40 patches; the same patients whatever the skill."""
    rng = np.random.default_rng(5)
    owner = np.repeat(np.arange(2 * patients), 40)
    label = (rng.random(len(owner)) < 0.3).astype(np.int64)
    harder = rng.normal(0, 0.2, 2 * patients)[owner]
    noise = np.random.default_rng(seed).normal(0, 0.15, len(owner))
    score = np.clip(0.4 + skill * (label - 0.5) + harder + noise, 0.001, 0.999)
    split = np.where(owner < patients, "validation", "test")
    names = np.array([f"p{at}" for at in range(len(owner))])
    return Predictions(names, owner.astype(str), label, split, score)


@pytest.fixture(scope="module")
def better() -> results.Evaluated:
    return results.evaluate(CANDIDATE, answers(0.5), 0.9, draws=DRAWS)


def test_a_better_challenger_is_better_for_certain(better: results.Evaluated) -> None:
    champion = rival(CHAMPION, answers(0.2, seed=2), set())

    compared = results.comparison(better, champion)

    assert compared["roc_auc"]["low"] > 0
    assert compared["brier_score"]["high"] < 0
    assert (compared["patients"], compared["left_out_patients"]) == (12, 0)
    assert compared["champion"]["calibration"] == {"temperature": 1.0, "bias": 0.0}
    assert champion.test is not None
    assert champion.test.threshold == CHAMPION.threshold


def test_equals_differ_by_nothing(better: results.Evaluated) -> None:
    calibration = better.calibration
    same = replace(
        CHAMPION, threshold=better.threshold, temperature=calibration.temperature, bias=calibration.bias
    )

    compared = results.comparison(better, rival(same, answers(0.5), set()))

    for name in better.test.by_draw:
        assert compared[name] == {"difference": 0, "low": 0, "high": 0}, name


def test_the_difference_is_taken_within_each_draw(better: results.Evaluated) -> None:
    """Patients who are hard are hard for both: the bounds are narrower than of two who had drawn apart."""
    champion = rival(CHAMPION, answers(0.45, seed=2), set())

    compared = results.comparison(better, champion)["roc_auc"]

    assert champion.test is not None
    figures = [one.to_dict()["roc_auc"] for one in (better.test, champion.test)]
    widths = [figure["high"] - figure["low"] for figure in figures]
    assert compared["high"] - compared["low"] < 0.7 * np.hypot(*widths)
    assert compared["difference"] == pytest.approx(figures[0]["value"] - figures[1]["value"])


def test_patients_the_champion_has_seen_are_left_out_for_both(better: results.Evaluated) -> None:
    seen = {"12", "13", "14", "0", "elsewhere"}
    champion = rival(CHAMPION, answers(0.3, seed=2), seen)

    compared = results.comparison(better, champion)

    assert (compared["patients"], compared["left_out_patients"]) == (9, 3)
    assert champion.test is not None
    kept = set(champion.test.predictions.patient.tolist())
    assert kept == {str(patient) for patient in range(15, 24)}
    own = answers(0.5).of("test").without(seen).calibrated(better.calibration)
    alone = measure(own, threshold=better.threshold, seed=results.SEED, draws=2)
    expected = alone.by_draw["f1"][0] - champion.test.by_draw["f1"][0]
    assert compared["f1"]["difference"] == pytest.approx(expected)
    assert better.test.patients == 12, "its own metrics are of all test patients"


@pytest.mark.parametrize(("seen", "reason"), [(set(map(str, range(24))), "seen every"), (None, "is gone")])
def test_nobody_left_is_said(better: results.Evaluated, seen: set[str] | None, reason: str) -> None:
    champion = rival(CHAMPION, answers(0.3), seen)

    compared = results.comparison(better, champion)

    assert (compared["patients"], compared["left_out_patients"]) == (0, 12)
    assert compared["recall"]["difference"] is None
    assert reason in compared["recall"]["reason"]


def test_other_patches_are_not_compared(better: results.Evaluated) -> None:
    other = replace(better.test.predictions, patch=np.array([f"q{at}" for at in range(480)]))
    with pytest.raises(InputError, match="of other patches"):
        compare(better.test, measure(other, threshold=0.5, seed=results.SEED, draws=2))
