"""Calibrate a model's answers, so that probabilities equal observed frequencies.

Bias-corrected temperature scaling, `expit(logit(p) / temperature + bias)`. The temperature is that of Guo et
al. (2017, https://arxiv.org/abs/1706.04599); the bias lets the share of class 1 be another than the one the
model was taught with, be it by weights or by its sampling (Alexandari et al., 2020,
https://arxiv.org/abs/1901.06852). It keeps the order of the answers, and so every ranking metric, but for
answers within one in a million of certainty, which are taken as alike.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_expit, logit

from idc.evaluate.served_model import LEAST, calibrated

log = logging.getLogger(__name__)

LEAST_OF_A_CLASS = 5  # with fewer patches of a class there is nothing to fit
STEEPEST = 20.0  # the bounds of the slope, 1/temperature, are this and its inverse
_FARTHEST_BIAS = 20.0

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """A temperature above 0 and a bias; those of the default change nothing."""

    temperature: float = 1.0
    bias: float = 0.0

    def apply(self, probability: Floats) -> Floats:
        """Return calibrated probabilities of class 1, in the shape of the answers."""
        one_by_one = (calibrated(value, self.temperature, self.bias) for value in probability.flat)
        return np.fromiter(one_by_one, np.float64, probability.size).reshape(probability.shape)


IDENTITY = Calibration()


def fit(label: NDArray[np.int64], probability: Floats) -> Calibration:
    """Return the calibration under which these labels, shape (patches,), are most likely.

    If there are too few patches of a class, or the answers are all alike or rank no better than chance,
    return the identity and log why. Labels are softened as Platt (1999, Probabilistic
    outputs for support vector machines) does, so that classes kept apart without a mistake do not ask for
    certainty.
    """
    ones = int((label == 1).sum())
    zeros = len(label) - ones
    if min(zeros, ones) < LEAST_OF_A_CLASS:
        return _unchanged(f"{zeros} patches of class 0 and {ones} of class 1 are too few")
    logits = logit(np.clip(probability, LEAST, 1 - LEAST))
    if np.ptp(logits) == 0:
        return _unchanged("the model answers every patch alike")
    target = np.where(label == 1, (ones + 1) / (ones + 2), 1 / (zeros + 2))
    found = minimize(
        _loss,
        x0=(1.0, 0.0),
        args=(logits, target),
        jac=True,
        method="L-BFGS-B",
        bounds=((1 / STEEPEST, STEEPEST), (-_FARTHEST_BIAS, _FARTHEST_BIAS)),
    )
    slope, bias = (float(value) for value in found.x)
    if not found.success or not np.isfinite([slope, bias]).all():
        return _unchanged(f"the fit did not end: {found.message}")
    if slope <= 1 / STEEPEST:
        return _unchanged("the model's answers rank the patches no better than chance")
    return Calibration(1 / slope, bias)


def _loss(line: Floats, logits: Floats, target: Floats) -> tuple[float, Floats]:
    """Return the mean cross-entropy of `slope * logits + bias` and its gradient; it is convex in both."""
    at = line[0] * logits + line[1]
    loss = -(target * log_expit(at) + (1 - target) * log_expit(-at)).mean()
    residual = expit(at) - target
    return float(loss), np.array([(residual * logits).mean(), residual.mean()])


def _unchanged(why: str) -> Calibration:
    log.warning("The answers are not calibrated: %s.", why)
    return IDENTITY
