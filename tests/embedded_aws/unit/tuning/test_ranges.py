"""Ranges: every value a search draws is one a request may carry."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from embedded_aws.tuning import ranges
from embedded_aws.tuning.search import Search
from embedded_aws.wire.faults import ValidationException


def continuous(low: str, high: str, scale: str = "Linear") -> dict[str, Any]:
    item = {"Name": "rate", "MinValue": low, "MaxValue": high, "ScalingType": scale}
    return {"ContinuousParameterRanges": [item]}


def drawn(request: dict[str, Any], count: int, strategy: str = "Random") -> list[dict[str, str]]:
    search = Search("test", ranges.parse(request), strategy=strategy, seed=3, is_maximized=True)
    return [search.ask(number) for number in range(1, count + 1)]


def test_logarithmic_spreads_over_magnitudes() -> None:
    values = sorted(float(own["rate"]) for own in drawn(continuous("0.0001", "1", "Logarithmic"), 200))
    assert 0.003 < values[100] < 0.03  # half of them below the middle magnitude


def test_reverse_logarithmic_crowds_near_one() -> None:
    values = sorted(
        float(own["rate"]) for own in drawn(continuous("0.9", "0.9999", "ReverseLogarithmic"), 200)
    )
    assert 0.99 < values[100] < 0.999
    assert 0.9 <= values[0] <= values[-1] <= 0.9999


def test_auto_is_logarithmic_for_wide_ranges_only() -> None:
    wide = sorted(float(own["rate"]) for own in drawn(continuous("0.001", "1", "Auto"), 200))
    narrow = sorted(float(own["rate"]) for own in drawn(continuous("0.1", "1", "Auto"), 200))
    assert wide[100] < 0.1
    assert narrow[100] > 0.4


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.sampled_from(["Linear", "Logarithmic", "Auto"]))
def test_integers_stay_whole_and_inside(low: int, more: int, scale: str) -> None:
    item = {"Name": "n", "MinValue": str(low), "MaxValue": str(low + more), "ScalingType": scale}
    (values,) = drawn({"IntegerParameterRanges": [item]}, 1)
    assert low <= int(values["n"]) <= low + more


@given(st.floats(0, 0.99), st.floats(0, 0.99), st.sampled_from(["Linear", "ReverseLogarithmic", "Auto"]))
def test_numbers_stay_inside_and_come_back(one: float, other: float, scale: str) -> None:
    low, high = sorted((one, other))
    (own,) = ranges.parse(continuous(repr(low), repr(high), scale))
    (values,) = drawn(continuous(repr(low), repr(high), scale), 1)
    assert low <= float(values["rate"]) <= high
    assert own.point(values["rate"]) is not None


def test_grid_goes_through_all_combinations() -> None:
    request = {
        "CategoricalParameterRanges": [
            {"Name": "a", "Values": ["1", "2"]},
            {"Name": "b", "Values": ["x", "y", "z"]},
        ]
    }
    values = [tuple(own.values()) for own in drawn(request, 6, "Grid")]
    assert values == [(a, b) for a in "12" for b in "xyz"]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (continuous("1", "nan"), "expected a number"),
        (
            {"IntegerParameterRanges": [{"Name": "n", "MinValue": "1.5", "MaxValue": "2"}]},
            "expected an integer",
        ),
        (
            {
                **continuous("0", "1"),
                "CategoricalParameterRanges": [{"Name": "rate", "Values": ["a"]}],
            },
            "Duplicate hyperparameter ranges found: rate",
        ),
        ({"CategoricalParameterRanges": [{"Name": "a", "Values": ["1", "1"]}]}, "duplicate values"),
        ({"AutoParameters": [{"Name": "a", "ValueHint": "1"}]}, "AutoParameters are not served"),
    ],
)
def test_impossible_ranges_are_refused(request_: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationException, match=message):
        ranges.parse(request_)
