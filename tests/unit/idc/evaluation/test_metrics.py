"""The metrics of a split: scikit-learn's values, bounds over patients, and what is not defined."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from idc.errors import InputError
from idc.evaluation.metrics import choose_threshold, evaluate
from idc.evaluation.predictions import Predictions

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


def test_has_the_form_of_metrics_json() -> None:
    found = evaluate(_predictions(), threshold=0.5, seed=1, draws=50)
    assert set(found) == METRICS | {"patients", "patches", "classes", "threshold", "draws", "always_class_0"}
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
        }
    )


def test_the_bounds_are_those_of_patients_drawn_with_replacement() -> None:
    """Drawing whole patients' rows, one draw after the other, gives the same bounds as the weights do."""
    predictions = _predictions(patients=8, each=25)
    rng = np.random.default_rng(3)
    areas, scores = [], []
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
    found = evaluate(predictions, threshold=0.5, seed=3, draws=200)
    assert [found["roc_auc"]["low"], found["roc_auc"]["high"]] == pytest.approx(
        np.quantile(areas, [0.025, 0.975])
    )
    assert [found["f1"]["low"], found["f1"]["high"]] == pytest.approx(np.quantile(scores, [0.025, 0.975]))


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


@settings(deadline=None, max_examples=60)
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


@pytest.mark.parametrize("shift", [-1.5, 0.0, 0.8])
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_the_threshold_balances_both_classes_whatever_their_share(shift: float, share: float) -> None:
    """Between two normal distributions of logits, at -1 and 1 but for the shift, the shift is best."""
    rng = np.random.default_rng(1)
    label = (rng.random(6000) < share).astype(np.int64)
    score = 1 / (1 + np.exp(-rng.normal(2 * label - 1 + shift, 1)))
    threshold = choose_threshold(_of(np.arange(6000), label, score))
    assert np.log(threshold / (1 - threshold)) == pytest.approx(shift, abs=0.15)


def test_the_threshold_does_not_hang_on_a_single_patch() -> None:
    whole = _predictions(patients=30, seed=4)
    thresholds = []
    for left_out in range(0, 900, 90):
        keep = np.arange(900) != left_out
        thresholds.append(
            choose_threshold(_of(whole.patient[keep], whole.label[keep], whole.probability[keep]))
        )
    assert max(thresholds) - min(thresholds) < 0.005


@pytest.mark.parametrize(
    ("label", "score", "threshold"),
    [
        ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], 0.5),
        ([0, 1], [0.5, 0.5], 0.5),
        ([1, 0], [0.1, 0.9], 0.5),
    ],
)
def test_the_threshold_of_few_patches(label: list[int], score: list[float], threshold: float) -> None:
    assert choose_threshold(_of(list(range(len(label))), label, score)) == pytest.approx(threshold)


@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=2, max_size=40))
def test_the_threshold_is_a_probability(rows: list[tuple[int, float]]) -> None:
    label, score = [row[0] for row in rows] + [0, 1], [row[1] for row in rows] + [0.2, 0.7]
    assert 0 <= choose_threshold(_of(list(range(len(label))), label, score)) <= 1


def test_patches_of_one_class_choose_no_threshold() -> None:
    with pytest.raises(InputError, match="of one class, expected both"):
        choose_threshold(_of([1, 2], [0, 0], [0.1, 0.9]))
