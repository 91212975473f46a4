"""Metrics of each patient, which means over all patches hide."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields

import numpy as np
from sklearn import metrics as sk

from idc.evaluate.predictions import Predictions


@dataclass(frozen=True)
class PatientRow:
    """One line of patients.csv; `positives` are patches of class 1, what is undefined is NaN.

    `answered_positive` and `mean_probability` say how much of the patient's tissue the model calls class 1,
    `share_positive` how much is.
    """

    patient: str
    split: str
    patches: int
    positives: int
    share_positive: float
    answered_positive: float
    mean_probability: float
    accuracy: float
    balanced_accuracy: float
    sensitivity: float
    specificity: float
    roc_auc: float
    brier_score: float


COLUMNS = tuple(field.name for field in fields(PatientRow))


def patient_rows(predictions: Predictions, threshold: float) -> list[PatientRow]:
    """Return a line a patient, by split and then by patient; probabilities are calibrated."""
    order = np.lexsort((predictions.patient, predictions.split))
    owner = predictions.patient[order]
    groups = np.split(order, np.flatnonzero(owner[1:] != owner[:-1]) + 1)
    rows = [_row(predictions, group, threshold) for group in groups if len(group)]
    return sorted(rows, key=lambda row: (row.split, len(row.patient), row.patient))


def write_rows(rows: Sequence[PatientRow]) -> bytes:
    """Return patients.csv; what is undefined is empty."""
    table = io.StringIO()
    lines = csv.writer(table, lineterminator="\n")
    lines.writerow(COLUMNS)
    lines.writerows([_cell(value) for value in astuple(row)] for row in rows)
    return table.getvalue().encode()


def _row(predictions: Predictions, group: np.ndarray, threshold: float) -> PatientRow:
    label, score = predictions.label[group], predictions.probability[group]
    answer = (score >= threshold).astype(np.int64)
    has_both = len(np.unique(label)) > 1
    sensitivity = float(sk.recall_score(label, answer, zero_division=np.nan))
    specificity = float(sk.recall_score(label, answer, pos_label=0, zero_division=np.nan))
    return PatientRow(
        patient=str(predictions.patient[group[0]]),
        split=str(predictions.split[group[0]]),
        patches=len(group),
        positives=int(label.sum()),
        share_positive=float(label.mean()),
        answered_positive=float(answer.mean()),
        mean_probability=float(score.mean()),
        accuracy=float(sk.accuracy_score(label, answer)),
        balanced_accuracy=float(sk.balanced_accuracy_score(label, answer)) if has_both else math.nan,
        sensitivity=sensitivity,
        specificity=specificity,
        roc_auc=float(sk.roc_auc_score(label, score)) if has_both else math.nan,
        brier_score=float(sk.brier_score_loss(label, score, pos_label=1)),
    )


def _cell(value: str | int | float) -> str | int:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    return value
