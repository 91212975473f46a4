"""What metrics are called and how they look where people read them; metrics.json has scikit-learn's names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

METRICS = {
    "balanced_accuracy": "balanced accuracy",
    "recall": "sensitivity",
    "specificity": "specificity",
    "precision": "precision",
    "f1": "F1",
    "accuracy": "accuracy",
    "roc_auc": "AUC-ROC",
    "average_precision": "AUC-PR (average precision)",
    "recall_at_90_specificity": "sensitivity at 90 % specificity",
    "brier_score": "Brier score",
    "expected_calibration_error": "expected calibration error",
}
# Of these less is better.
ERRORS = ("brier_score", "expected_calibration_error")


def figure(metric: Mapping[str, Any]) -> str:
    """Return a metric of metrics.json as `0.812 (0.790–0.834)`, without bounds where there are none."""
    if metric["value"] is None:
        return "none"
    bounds = "" if metric["low"] is None else f" ({metric['low']:.3f}–{metric['high']:.3f})"
    return f"{metric['value']:.3f}{bounds}"
