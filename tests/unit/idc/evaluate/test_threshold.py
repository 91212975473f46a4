"""The threshold: it finds what it promises, and is no higher than where both classes weigh alike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from idc.errors import InputError
from idc.evaluate.predictions import Predictions
from idc.evaluate.threshold import choose_threshold


def scored(label: object, score: object) -> Predictions:
    labels = np.array(label, dtype=np.int64)
    names = np.array([f"patch-{at}" for at in range(len(labels))])
    split = np.full(len(labels), "validation")
    return Predictions(names, names, labels, split, np.array(score, dtype=np.float64))


@pytest.mark.parametrize(
    ("target", "threshold"), [(0.2, 0.625), (0.5, 0.6), (0.8, 0.3), (0.9, 0.2), (0.99, 0.2)]
)
def test_the_largest_that_finds_the_share_up_to_the_share_of_class_1(target: float, threshold: float) -> None:
    label = [1, 1, 0, 1, 0, 1, 1, 0]
    score = [0.9, 0.8, 0.7, 0.6, 0.5, 0.3, 0.2, 0.1]

    assert choose_threshold(scored(label, score), target) == threshold


@given(
    st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=1, max_size=40),
    st.floats(0.01, 0.99),
)
def test_it_finds_the_share_and_no_larger_one_would_do(rows: list[tuple[int, float]], target: float) -> None:
    label = np.array([row[0] for row in rows] + [0, 1])
    score = np.array([row[1] for row in rows] + [0.2, 0.7])
    threshold = choose_threshold(scored(label, score), target)

    ones = score[label == 1]
    assert (ones >= threshold).mean() >= target - 1e-9
    if threshold < label.mean():
        assert threshold in score
        assert all((ones >= larger).mean() < target for larger in score[score > threshold])
    else:
        assert threshold == label.mean()


def test_patches_of_one_class_choose_no_threshold() -> None:
    with pytest.raises(InputError, match="of one class, expected both"):
        choose_threshold(scored([0, 0], [0.1, 0.9]), 0.9)
