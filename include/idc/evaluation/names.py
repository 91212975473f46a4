"""What metrics are called where people read them; metrics.json has scikit-learn's names."""

from __future__ import annotations

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
