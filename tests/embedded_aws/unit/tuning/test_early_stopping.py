"""The service's early stopping rule, on examples worked out by hand."""

from __future__ import annotations

import pytest

from embedded_aws.tuning.early_stopping import is_unpromising

# Running averages after two epochs: 0.5, 0.7, 0.3; their median is 0.5.
PREVIOUS = [[0.4, 0.6, 0.9], [0.6, 0.8], [0.2, 0.4, 0.5]]


@pytest.mark.parametrize(
    ("objectives", "is_maximized", "expected"),
    [
        ([0.9, 0.49], True, True),
        ([0.1, 0.5], True, False),
        ([0.1, 0.51], False, True),
        ([0.9, 0.5], False, False),
        ([], True, False),
    ],
)
def test_compares_the_latest_value_with_the_median_of_running_averages(
    objectives: list[float], is_maximized: bool, expected: bool
) -> None:
    assert is_unpromising(objectives, PREVIOUS, is_maximized) is expected


def test_needs_enough_jobs_that_reached_the_epoch() -> None:
    assert not is_unpromising([0.0, 0.0, 0.0], PREVIOUS, True)
    assert not is_unpromising([0.0], PREVIOUS[:2], True)
