"""The threshold from which on a patch counts as class 1: a function of the validation patches alone."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import roc_curve

from idc.errors import InputError
from idc.evaluate.predictions import Predictions

_ROUNDING = 1e-9  # of shares that are equal but for their last digits


def choose_threshold(predictions: Predictions, target_sensitivity: float) -> float:
    """Return the threshold for calibrated probabilities that finds at least this share of class 1.

    It is the largest that does, with the fewest false alarms, but no larger than the share of class 1 among
    the patches: from there on a calibrated probability speaks for class 1 where both classes weigh alike
    (Bayes' rule for balanced accuracy). Patients who are easier than others allow a high threshold, and
    without that limit it would miss much in the others.

    Raises:
        InputError: the patches are of one class.
    """
    label, score = predictions.label, predictions.probability
    if len(np.unique(label)) < 2:
        action = "Convert with another seed or larger shares."
        raise InputError("validation", "patches", "of one class", "both, to choose a threshold by", action)
    _, sensitivity, thresholds = roc_curve(label, score, drop_intermediate=False)  # from the strictest on
    promised = thresholds[np.argmax(sensitivity >= target_sensitivity - _ROUNDING)]
    return float(min(promised, label.mean()))
