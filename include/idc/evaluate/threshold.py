"""Choose the threshold of class 1 on the validation patches alone."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import roc_curve

from idc.errors import InputError
from idc.evaluate.predictions import Predictions

_ROUNDING = 1e-9  # of shares that are equal but for their last digits


def choose_threshold(predictions: Predictions, target_sensitivity: float) -> float:
    """Return the threshold for calibrated probabilities that finds at least this share of class 1.

    It is the largest such threshold, and so gives the fewest false alarms. The share of class 1 among the
    patches is its upper limit: above it, a calibrated probability favours class 1 if both classes weigh
    alike (Bayes' rule for balanced accuracy). Without the limit, easy validation patients would allow a
    threshold that misses much in harder ones.

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
