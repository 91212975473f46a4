"""Calibration finds what was done to probabilities, and leaves alone what it cannot mend."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.special import expit, logit
from sklearn.calibration import _SigmoidCalibration
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score
from unit.idc.evaluate.test_served_model import MODEL

from idc.evaluate.calibration import IDENTITY, Calibration, fit


def honest(patches: int = 20_000, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn by probabilities that are therefore calibrated."""
    rng = np.random.default_rng(seed)
    probability = expit(rng.normal(-1, 2, patches))
    return (rng.random(patches) < probability).astype(np.int64), probability


@pytest.mark.parametrize(("temperature", "bias"), [(1.0, 0.0), (2.5, -1.2), (0.4, 0.7)])
def test_what_was_distorted_is_put_right(temperature: float, bias: float) -> None:
    label, probability = honest()
    distorted = expit((logit(probability) - bias) * temperature)

    found = fit(label, distorted)

    assert (found.temperature, found.bias) == pytest.approx((temperature, bias), rel=0.06, abs=0.06)
    assert np.abs(found.apply(distorted) - probability).max() < 0.03
    assert log_loss(label, found.apply(distorted)) <= log_loss(label, distorted) + 1e-4


def test_the_fit_is_that_of_platt_as_scikit_learn_has_it() -> None:
    """With both a slope and an intercept on logits it is Platt's method, which scikit-learn knows."""
    label, probability = honest(400, seed=3)
    known = _SigmoidCalibration().fit(logit(probability), label)

    found = fit(label, probability)

    assert (1 / found.temperature, found.bias) == pytest.approx((-known.a_, -known.b_), rel=1e-2)


def test_the_order_is_kept() -> None:
    label, probability = honest(3000)
    found = fit(label, probability**3)
    assert roc_auc_score(label, found.apply(probability**3)) == pytest.approx(
        roc_auc_score(label, probability),
        abs=1e-4,  # below one in a million all answers are alike
    )
    assert brier_score_loss(label, found.apply(probability**3)) < brier_score_loss(label, probability**3)


@pytest.mark.parametrize(
    ("label", "probability", "reason"),
    [
        ([0] * 50, np.linspace(0.1, 0.9, 50), "too few"),
        ([0] * 46 + [1] * 4, np.linspace(0.1, 0.9, 50), "too few"),
        ([0, 1] * 25, np.full(50, 0.3), "every patch alike"),
        ([1] * 25 + [0] * 25, np.linspace(0.1, 0.9, 50), "no better than chance"),
    ],
)
def test_what_cannot_be_fitted_stays_as_it_is(
    label: list[int], probability: np.ndarray, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        found = fit(np.array(label), probability)

    assert found == IDENTITY
    assert reason in caplog.text
    assert found.apply(probability) == pytest.approx(probability)


def test_classes_without_a_mistake_between_them_do_not_become_certain() -> None:
    label = np.repeat([0, 1], 20)
    found = fit(label, np.where(label == 1, 0.7, 0.3))
    assert found.apply(np.array([0.3, 0.7])) == pytest.approx([1 / 22, 21 / 22], abs=1e-3)


def test_an_answer_counts_where_it_is_served_as_it_did_where_it_was_measured() -> None:
    """A sure model answers 1.0 over and over, and then the threshold is what that is calibrated to."""
    served = replace(MODEL, temperature=2.3, bias=-1.1)
    answers = np.array([0.0, 1e-9, 0.3, 0.7, 1 - 1e-7, 1.0, 1.0])
    measured = Calibration(served.temperature, served.bias).apply(answers)

    assert measured.tolist() == [served.calibrated(answer) for answer in answers.tolist()]
    assert measured[-1] == measured[-3] < 1


@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=12, max_size=60))
def test_no_answers_are_too_odd(rows: list[tuple[int, float]]) -> None:
    label, probability = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    found = fit(label, probability)
    calibrated = found.apply(probability)
    assert 1 / 20 <= found.temperature <= 20
    assert ((calibrated >= 0) & (calibrated <= 1)).all()
    assert (np.diff(calibrated[np.argsort(probability)]) >= 0).all()
