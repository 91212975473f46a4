"""What a model is worth on patients it has never seen: scikit-learn's metrics, with bounds over patients.

The patches of one patient resemble each other, so the bounds come from drawing patients, not patches:
the percentile bootstrap of Efron and Tibshirani (An Introduction to the Bootstrap, 1993, chapter 13).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn import config_context
from sklearn import metrics as sk
from sklearn.linear_model import LogisticRegression

from idc.errors import InputError
from idc.evaluation.predictions import Predictions

CONFIDENCE = 0.95
# Where sensitivity is read off the ROC curve: what is found, given the false alarms that can be borne.
FIXED_SPECIFICITY = 0.9
# With fewer draws than this in which a metric exists, its bounds would tell of the draws, not of the metric.
_ENOUGH_DRAWS = 0.5
# Always answering class 0 is a yardstick: its bounds need not be as fine as the model's, and cost as much.
_BASELINE_DRAWS = 100
_LEAST_SCORE = 1e-6  # a score of 0 or 1 has no logit

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


def evaluate(predictions: Predictions, *, threshold: float, seed: int, draws: int = 1000) -> dict[str, Any]:
    """Return the metrics of a split in the form of metrics.json, and those of always answering class 0.

    `{"patients", "patches", "classes", "threshold", "draws", "<metric>": {"value", "low", "high"}, …,
    "always_class_0": {"<metric>": …}}`. A patch counts as class 1 from `threshold` on. A value or bound that
    does not exist (patches of one class only, a single patient) is None, with a `reason` beside it. The same
    seed gives the same bounds.
    """
    order = np.argsort(predictions.probability, kind="stable")  # each draw sorts again; sorted, that is quick
    label, score = predictions.label[order], predictions.probability[order]
    weight = _draw_patients(predictions.patient[order], draws, np.random.default_rng(seed))
    return {
        "patients": len(np.unique(predictions.patient)),
        "patches": len(predictions),
        "classes": {str(klass): int((label == klass).sum()) for klass in (0, 1)},
        "threshold": threshold,
        "draws": draws,
        **_bounded(label, score, threshold, weight),
        "always_class_0": _bounded(label, np.zeros_like(score), threshold, weight[: _BASELINE_DRAWS + 1]),
    }


def choose_threshold(predictions: Predictions) -> float:
    """Return the threshold that balances sensitivity and specificity on these patches, by a logistic fit.

    A logistic regression of the label on the score's logit, both classes weighing alike, says one half there.
    The highest point of the empirical curve would be nearer by, but with few patients it is a matter of
    chance: chosen on half of the validation patients, the fit is the better one on the other half. For a
    model that ranks no better than chance it is one half.

    Raises:
        InputError: the patches are of one class.
    """
    label, score = predictions.label, predictions.probability
    if len(np.unique(label)) < 2:
        action = "Convert with another seed or larger shares."
        raise InputError("validation", "patches", "of one class", "both, to choose a threshold by", action)
    logits = logit(np.clip(score, _LEAST_SCORE, 1 - _LEAST_SCORE))
    fitted = LogisticRegression(class_weight="balanced").fit(logits[:, None], label)
    slope, intercept = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    if slope <= 0:
        return 0.5
    return float(np.clip(expit(-intercept / slope), score.min(), score.max()))


def _draw_patients(patient: NDArray[np.str_], draws: int, rng: np.random.Generator) -> Counts:
    """Return how often each patch counts, (1 + draws, patches): once in row 0, then as patients are drawn."""
    _, owner = np.unique(patient, return_inverse=True)
    patients = int(owner.max()) + 1
    drawn = rng.multinomial(patients, np.full(patients, 1 / patients), size=draws)
    times: Counts = np.vstack([np.ones((1, patients), dtype=np.int64), drawn])
    return times[:, owner]


def _bounded(label: Counts, score: Floats, threshold: float, weight: Counts) -> dict[str, dict[str, Any]]:
    """Return every metric with its bounds; row 0 of `weight` gives the values, the others the bounds."""
    with config_context(assume_finite=True, skip_parameter_validation=True):
        measured = {
            **_measure_answers(label, score >= threshold, weight),
            **_measure_scores(label, score, weight),
        }
    has_draws = bool((weight != 1).any())
    return {name: _described(float(values[0]), values[1:], has_draws) for name, values in measured.items()}


def _measure_answers(label: Counts, answer: NDArray[np.bool_], weight: Counts) -> dict[str, Floats]:
    """Return what depends on the answers alone, by draw, from one call for all draws.

    A draw's four cells of the confusion matrix are four weighted patches, of two classes of the draw's own.
    """
    kinds = 2 * label + answer
    cells = np.stack([weight[:, kinds == kind].sum(1) for kind in range(4)])
    own = 2 * np.arange(len(weight))
    precision, recall, f1, support = (
        values.reshape(-1, 2)
        for values in sk.precision_recall_fscore_support(
            np.concatenate([own, own, own + 1, own + 1]),
            np.concatenate([own, own + 1, own, own + 1]),
            sample_weight=cells.ravel(),
            labels=np.arange(2 * len(weight)),
            zero_division=np.nan,
        )
    )
    return {
        "accuracy": (np.nan_to_num(recall) * support).sum(1) / support.sum(1),
        "balanced_accuracy": recall.mean(1),
        "f1": f1[:, 1],
        "precision": precision[:, 1],
        "recall": recall[:, 1],
        "specificity": recall[:, 0],
    }


def _measure_scores(label: Counts, score: Floats, weight: Counts) -> dict[str, Floats]:
    """Return what depends on the scores themselves, by draw."""
    names = ("roc_auc", "recall_at_90_specificity", "average_precision", "brier_score")
    rows = np.array([_measure_draw(label[row > 0], score[row > 0], row[row > 0]) for row in weight])
    return {name: rows[:, column] for column, name in enumerate(names)}


def _measure_draw(label: Counts, score: Floats, weight: Counts) -> tuple[float, float, float, float]:
    brier = sk.brier_score_loss(label, score, sample_weight=weight, pos_label=1)
    if label.min() == label.max():
        return np.nan, np.nan, np.nan, brier
    false_alarms, found, _ = sk.roc_curve(label, score, sample_weight=weight, drop_intermediate=False)
    return (
        sk.auc(false_alarms, found),
        found[false_alarms <= 1 - FIXED_SPECIFICITY + 1e-9].max(),
        sk.average_precision_score(label, score, sample_weight=weight),
        brier,
    )


def _described(value: float, drawn: Floats, has_draws: bool) -> dict[str, Any]:
    """Return one metric as metrics.json holds it."""
    existing = drawn[~np.isnan(drawn)]
    reason = None
    if np.isnan(value):
        reason = "undefined for these patches"
    elif not has_draws:
        reason = "a single patient has no bounds"
    elif len(existing) < _ENOUGH_DRAWS * len(drawn):
        reason = "undefined in most draws of patients"
    if reason:
        return {"value": None if np.isnan(value) else value, "low": None, "high": None, "reason": reason}
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(existing, [tail, 1 - tail])
    return {"value": value, "low": float(low), "high": float(high)}
