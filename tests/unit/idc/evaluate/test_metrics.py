"""The metrics of a split: scikit-learn's values, bounds over patients, and what is not defined."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from sklearn import metrics as sk

from idc.evaluate.metrics import CALIBRATION_BINS, calibration_of, measure
from idc.evaluate.predictions import Predictions

METRICS = {
    "accuracy",
    "balanced_accuracy",
    "f1",
    "precision",
    "recall",
    "specificity",
    "roc_auc",
    "recall_at_90_specificity",
    "average_precision",
    "brier_score",
    "expected_calibration_error",
}


def _predictions(patients: int = 20, each: int = 30, share: float = 0.3, seed: int = 0) -> Predictions:
    """Return patches of patients who are unlike each other, scored by a fair but imperfect model."""
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(patients), each)
    label = (rng.random(len(owner)) < share).astype(np.int64)
    probability = np.clip(
        0.5 + 0.3 * (label - 0.5) + rng.normal(0, 0.15, patients)[owner] + rng.normal(0, 0.2, len(owner)),
        0,
        1,
    )
    return _of(owner, label, probability)


def _of(patient: object, label: object, probability: object) -> Predictions:
    label = np.array(label, dtype=np.int64)
    names = np.array([f"patch-{at}" for at in range(len(label))])
    score = np.array(probability, dtype=np.float64)
    return Predictions(names, np.array(patient).astype(str), label, np.full(len(label), "test"), score)


def evaluate(predictions: Predictions, *, threshold: float, seed: int, draws: int = 1000) -> dict[str, Any]:
    return measure(predictions, threshold=threshold, seed=seed, draws=draws).to_dict()


def test_has_the_form_of_metrics_json() -> None:
    found = evaluate(_predictions(), threshold=0.5, seed=1, draws=50)
    assert set(found) - METRICS == {
        "patients",
        "patches",
        "classes",
        "threshold",
        "draws",
        "confusion",
        "always_class_0",
    }
    assert set(found) > METRICS
    assert [sum(row) for row in found["confusion"]] == list(found["classes"].values())
    assert found["confusion"][1][1] == pytest.approx(found["recall"]["value"] * found["classes"]["1"])
    assert (found["patients"], found["patches"], found["draws"]) == (20, 600, 50)
    assert sum(found["classes"].values()) == 600
    assert set(found["always_class_0"]) == METRICS
    for name in METRICS:
        assert set(found[name]) == {"value", "low", "high"}
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_the_values_are_those_of_scikit_learn() -> None:
    predictions = _predictions()
    label, score = predictions.label, predictions.probability
    answer = score >= 0.6
    found = {
        name: described["value"]
        for name, described in evaluate(predictions, threshold=0.6, seed=1, draws=2).items()
        if name in METRICS
    }
    false_alarms, hits, _ = sk.roc_curve(label, score)
    assert found == pytest.approx(
        {
            "accuracy": sk.accuracy_score(label, answer),
            "balanced_accuracy": sk.balanced_accuracy_score(label, answer),
            "f1": sk.f1_score(label, answer),
            "precision": sk.precision_score(label, answer),
            "recall": sk.recall_score(label, answer),
            "specificity": sk.recall_score(label, answer, pos_label=0),
            "roc_auc": sk.roc_auc_score(label, score),
            "recall_at_90_specificity": hits[false_alarms <= 0.1].max(),
            "average_precision": sk.average_precision_score(label, score),
            "brier_score": sk.brier_score_loss(label, score),
            "expected_calibration_error": _gap(label, score),
        }
    )


def _gap(label: np.ndarray, score: np.ndarray) -> float:
    """The expected calibration error as it is defined, bin by bin."""
    order = np.argsort(score)
    bins = np.array_split(order, CALIBRATION_BINS)
    return float(sum(len(own) * abs(label[own].mean() - score[own].mean()) for own in bins) / len(label))


def test_the_bounds_are_those_of_patients_drawn_with_replacement() -> None:
    """Drawing whole patients' rows, one draw after the other, gives the same bounds as the weights do."""
    predictions = _predictions(patients=8, each=25)
    rng = np.random.default_rng(3)
    areas, scores, briers = [], [], []
    patients = np.unique(predictions.patient)
    for times in rng.multinomial(len(patients), np.full(len(patients), 1 / len(patients)), size=200):
        rows = np.concatenate(
            [
                np.flatnonzero(predictions.patient == patient)
                for patient, n in zip(patients, times, strict=True)
                for _ in range(n)
            ]
        )
        label, score = predictions.label[rows], predictions.probability[rows]
        areas.append(sk.roc_auc_score(label, score))
        scores.append(sk.f1_score(label, score >= 0.5))
        briers.append(sk.brier_score_loss(label, score))
    found = evaluate(predictions, threshold=0.5, seed=3, draws=200)
    assert [found["roc_auc"]["low"], found["roc_auc"]["high"]] == pytest.approx(
        np.quantile(areas, [0.025, 0.975])
    )
    assert [found["f1"]["low"], found["f1"]["high"]] == pytest.approx(np.quantile(scores, [0.025, 0.975]))
    bounds = [found["brier_score"]["low"], found["brier_score"]["high"]]
    assert bounds == pytest.approx(np.quantile(briers, [0.025, 0.975]))


def test_the_same_seed_gives_the_same_bounds() -> None:
    predictions = _predictions()
    once, twice, other = (evaluate(predictions, threshold=0.5, seed=seed, draws=40) for seed in (7, 7, 8))
    assert once == twice
    assert once["roc_auc"]["low"] != other["roc_auc"]["low"]
    assert once["roc_auc"]["value"] == other["roc_auc"]["value"]


def test_patients_who_differ_widen_the_bounds() -> None:
    """Being right about every other patient says less than being right about every other patch."""
    owner, label = np.repeat(np.arange(10), 40), np.arange(400) % 2
    probability = np.where(owner % 2, label, 1 - label)

    def width(patient: object) -> float:
        bounds = evaluate(_of(patient, label, probability), threshold=0.5, seed=1, draws=200)["accuracy"]
        return bounds["high"] - bounds["low"]

    assert width(owner) > 0.5
    assert width(np.arange(400)) < 0.15


def test_always_answering_class_0_is_the_yardstick() -> None:
    found = evaluate(_predictions(share=0.25), threshold=0.5, seed=1, draws=40)
    yardstick, share = found["always_class_0"], found["classes"]["0"] / found["patches"]
    assert yardstick["accuracy"]["value"] == pytest.approx(share)
    assert yardstick["balanced_accuracy"] == {"value": 0.5, "low": 0.5, "high": 0.5}
    assert yardstick["roc_auc"]["value"] == 0.5
    assert yardstick["f1"]["value"] == yardstick["recall_at_90_specificity"]["value"] == 0
    assert yardstick["precision"] == {
        "value": None,
        "low": None,
        "high": None,
        "reason": "undefined for these patches",
    }


def test_one_class_has_no_ranking() -> None:
    found = evaluate(_of([1, 1, 2, 3], [0, 0, 0, 0], [0.1, 0.9, 0.2, 0.3]), threshold=0.5, seed=1, draws=50)
    for name in ("roc_auc", "average_precision", "recall_at_90_specificity", "balanced_accuracy", "recall"):
        assert found[name] == {
            "value": None,
            "low": None,
            "high": None,
            "reason": "undefined for these patches",
        }
    assert found["accuracy"]["value"] == 0.75
    assert found["specificity"]["low"] < 0.75 < found["specificity"]["high"]


def test_one_patient_has_no_bounds() -> None:
    found = evaluate(_of([1, 1, 1], [0, 1, 1], [0.1, 0.9, 0.2]), threshold=0.5, seed=1, draws=50)
    assert found["patients"] == 1
    assert found["roc_auc"] == {
        "value": 1.0,
        "low": None,
        "high": None,
        "reason": "a single patient has no bounds",
    }


def test_draws_that_mostly_miss_a_class_give_no_bounds() -> None:
    """Two patients of one class each: with this seed two draws in three hold only one of them."""
    found = evaluate(_of([1, 2], [0, 1], [0.1, 0.9]), threshold=0.5, seed=1, draws=3)
    assert found["roc_auc"] == {
        "value": 1.0,
        "low": None,
        "high": None,
        "reason": "undefined in most draws of patients",
    }
    assert found["accuracy"] == {"value": 1.0, "low": 1.0, "high": 1.0}


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 1), st.floats(0, 1)), min_size=1, max_size=12),
    st.floats(0, 1),
)
def test_no_set_is_too_small_or_too_odd(rows: list[tuple[int, int, float]], threshold: float) -> None:
    found = evaluate(_of(*zip(*rows, strict=True)), threshold=threshold, seed=1, draws=8)
    json.dumps(found, allow_nan=False)
    for name in METRICS:
        value, low, high = (found[name][key] for key in ("value", "low", "high"))
        assert value is None or 0 <= value <= 1
        assert (low is None) == (high is None)
        assert low is None or low <= high
        assert ("reason" in found[name]) == (low is None)


def test_the_calibration_error_is_the_distance_between_what_is_said_and_what_is() -> None:
    """Every patch is said to be 0.7, half of them are of class 1."""
    found = evaluate(_of([1, 1, 2, 2], [0, 1, 0, 1], [0.7] * 4), threshold=0.5, seed=1, draws=20)
    assert found["expected_calibration_error"]["value"] == pytest.approx(0.2)
    assert found["always_class_0"]["expected_calibration_error"]["value"] == pytest.approx(0.5)


def test_what_the_scores_were_before_calibration_is_measured_alike() -> None:
    predictions = _predictions()
    alone = calibration_of(predictions, seed=3, draws=30)
    whole = evaluate(predictions, threshold=0.5, seed=3, draws=30)
    assert set(alone) == {"brier_score", "expected_calibration_error"}
    for name, bounds in alone.items():
        assert bounds == pytest.approx(whole[name])
