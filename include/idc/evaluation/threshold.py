"""The threshold from which on a patch counts as class 1: a function of the validation patches alone."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import roc_curve

from idc.errors import InputError
from idc.evaluation.predictions import Predictions

_ROUNDING = 1e-9  # of shares that are equal but for their last digits


def choose_threshold(predictions: Predictions, target_sensitivity: float) -> float:
    """Return the largest threshold that finds at least this share of the patches of class 1.

    Of all thresholds that keep the promise it raises the fewest false alarms.

    Raises:
        InputError: the patches are of one class.
    """
    label, score = predictions.label, predictions.probability
    if len(np.unique(label)) < 2:
        action = "Convert with another seed or larger shares."
        raise InputError("validation", "patches", "of one class", "both, to choose a threshold by", action)
    _, sensitivity, thresholds = roc_curve(label, score, drop_intermediate=False)  # from the strictest on
    return float(thresholds[np.argmax(sensitivity >= target_sensitivity - _ROUNDING)])
