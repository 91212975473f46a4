"""Measure predictions: scikit-learn's metrics with bootstrap bounds over patients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import config_context, metrics as sk

from idc.evaluate import metrics_table
from idc.evaluate.bootstrap import Counts, Draws, Floats, bounded
from idc.evaluate.predictions import Predictions

# The specificity at which sensitivity is read off the ROC curve.
FIXED_SPECIFICITY = 0.9
CALIBRATION_BINS = 15
# The baseline needs no bounds as fine as the model's, and each draw costs as much.
_BASELINE_DRAWS = 100


@dataclass(frozen=True, eq=False)
class Measured:
    """A split measured: every metric by draw of patients, shape (1 + draws,), its own value first."""

    predictions: Predictions
    threshold: float
    draws: Draws
    by_draw: dict[str, Floats]

    @property
    def patients(self) -> int:
        """The number of patients."""
        return int(self.draws.times.shape[1])

    @property
    def answer(self) -> NDArray[np.bool_]:
        """Whether each patch counts as class 1, shape (patches,)."""
        return self.predictions.probability >= self.threshold

    def to_dict(self) -> dict[str, Any]:
        """Return the split as metrics.json has it, with the metrics of always answering class 0.

        `{"patients", "patches", "classes", "threshold", "draws", "confusion": [[TN, FP], [FN, TP]],
        "<metric>": {"value", "low", "high"}, …, "always_class_0": {"<metric>": …}}`. A value or bound that
        does not exist (patches of one class only, a single patient) is None, with a `reason` beside it.
        """
        label = self.predictions.label
        never = _measure(label, np.zeros(len(label)), 0.5, self.draws.first(_BASELINE_DRAWS))
        return {
            "patients": self.patients,
            "patches": len(label),
            "classes": {str(klass): int((label == klass).sum()) for klass in (0, 1)},
            "threshold": self.threshold,
            "draws": len(self.draws.times) - 1,
            "confusion": sk.confusion_matrix(label, self.answer, labels=[0, 1]).tolist(),
            **self._bounded(self.by_draw),
            "always_class_0": self._bounded(never),
        }

    def _bounded(self, by_draw: dict[str, Floats]) -> dict[str, dict[str, Any]]:
        return {name: bounded(values, self.patients) for name, values in by_draw.items()}


def measure(predictions: Predictions, *, threshold: float, seed: int, draws: int = 1000) -> Measured:
    """Measure a split; a patch counts as class 1 from `threshold` on. The same seed gives the same bounds."""
    ranked = predictions.ranked()  # each draw sorts again; sorted, that is quick
    drawn = Draws.of(ranked.patient, draws, seed)
    return Measured(ranked, threshold, drawn, _measure(ranked.label, ranked.probability, threshold, drawn))


def calibration_of(predictions: Predictions, *, seed: int, draws: int = 1000) -> dict[str, Any]:
    """Return the calibration metrics with bounds, as they are before calibration."""
    drawn = Draws.of(predictions.patient, draws, seed)
    found = _measure_calibration(predictions.label, predictions.probability, drawn)
    return {name: bounded(values, drawn.times.shape[1]) for name, values in found.items()}


def _measure(label: Counts, score: Floats, threshold: float, draws: Draws) -> dict[str, Floats]:
    with config_context(assume_finite=True, skip_parameter_validation=True):
        computed = {
            **_measure_answers(label, score >= threshold, draws),
            **_measure_ranking(label, score, draws),
            **_measure_calibration(label, score, draws),
        }
    return metrics_table.ordered(computed)


def _measure_answers(label: Counts, answer: NDArray[np.bool_], draws: Draws) -> dict[str, Floats]:
    """Return what depends on the answers alone, by draw, from one call for all draws.

    A draw's four cells of the confusion matrix are four weighted patches, of two classes of the draw's own.
    """
    cells = draws.totals(2 * label + answer, 4)
    own = 2 * np.arange(len(cells))
    precision, recall, f1, support = (
        values.reshape(-1, 2)
        for values in sk.precision_recall_fscore_support(
            np.concatenate([own, own, own + 1, own + 1]),
            np.concatenate([own, own + 1, own, own + 1]),
            sample_weight=cells.T.ravel(),
            labels=np.arange(2 * len(cells)),
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


def _measure_ranking(label: Counts, score: Floats, draws: Draws) -> dict[str, Floats]:
    """Return what depends on the order of the scores, by draw."""
    names = ("roc_auc", "recall_at_90_specificity", "average_precision")
    rows = np.array([_rank(label[row > 0], score[row > 0], row[row > 0]) for row in draws.weights()])
    return {name: rows[:, column] for column, name in enumerate(names)}


def _rank(label: Counts, score: Floats, weight: Counts) -> tuple[float, float, float]:
    if label.min() == label.max():
        return np.nan, np.nan, np.nan
    false_alarms, found, _ = sk.roc_curve(label, score, sample_weight=weight, drop_intermediate=False)
    return (
        sk.auc(false_alarms, found),
        found[false_alarms <= 1 - FIXED_SPECIFICITY + 1e-9].max(),
        sk.average_precision_score(label, score, sample_weight=weight),
    )


def _measure_calibration(label: Counts, score: Floats, draws: Draws) -> dict[str, Floats]:
    """Return what depends on the scores as probabilities, by draw, from sums over each patient's patches.

    The expected calibration error (Naeini, Cooper, Hauskrecht, AAAI 2015) is the mean distance, over bins of
    the scores, between the mean score and the share of class 1. The bins hold equally many patches of the
    split (Nixon et al., 2019, https://arxiv.org/abs/1904.01685): most scores lie near 0, where bins of equal
    width would put nearly all of them into one.
    """
    patches = draws.totals(np.zeros_like(label), 1)[:, 0]
    inner = np.quantile(score, np.linspace(0, 1, CALIBRATION_BINS + 1)[1:-1])
    gaps = draws.totals(np.searchsorted(inner, score, side="right"), CALIBRATION_BINS, label - score)
    return {
        "brier_score": draws.times @ _brier_sums(label, score, draws) / patches,
        "expected_calibration_error": np.abs(gaps).sum(1) / patches,
    }


def _brier_sums(label: Counts, score: Floats, draws: Draws) -> Floats:
    """Return each patient's Brier score times its patches, shape (patients,)."""
    order = np.argsort(draws.owner, kind="stable")
    each = np.split(order, np.flatnonzero(np.diff(draws.owner[order])) + 1)
    return np.array([len(own) * sk.brier_score_loss(label[own], score[own], pos_label=1) for own in each])
