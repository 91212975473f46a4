"""The stability index: against a computation by hand, and what holds for any counts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

from idc.monitor.drift import binned, by_chance, inner_edges, shares, stability_index

COUNTS = arrays(np.int64, 6, elements=st.integers(0, 10**6))


def test_the_index_by_hand() -> None:
    expected, observed = np.array([50, 50]), np.array([80, 20])

    e, a = (np.array([(n + 0.5) / 101 for n in both]) for both in (expected, observed))
    assert stability_index(expected, observed) == pytest.approx(
        sum((x - y) * math.log(x / y) for x, y in zip(a, e, strict=True))
    )


@given(one=COUNTS, other=COUNTS)
def test_it_is_never_negative_the_same_both_ways_and_0_of_the_same(
    one: np.ndarray, other: np.ndarray
) -> None:
    index = float(stability_index(one, other))

    assert index >= -1e-12
    assert math.isfinite(index)
    assert stability_index(other, one) == pytest.approx(index, abs=1e-12)
    assert stability_index(one, one) == pytest.approx(0, abs=1e-12)
    assert shares(one).sum() == pytest.approx(1)


@given(values=arrays(np.float64, st.integers(1, 300), elements=st.floats(0, 1)))
def test_every_value_lies_in_one_bin(values: np.ndarray) -> None:
    edges = inner_edges(values)

    assert binned(values, edges).sum() == len(values)
    assert len(binned(values, edges)) == len(edges) + 1 <= 10
    assert (np.diff(edges) > 0).all()


def test_distinct_values_are_cut_into_tenths() -> None:
    values = np.random.default_rng(1).permutation(1000) / 1000

    assert binned(values, inner_edges(values)).tolist() == [100] * 10


@given(values=arrays(np.int64, st.integers(1, 300), elements=st.integers(0, 12)))
def test_no_bin_of_the_reference_is_empty_and_rounding_moves_nothing(values: np.ndarray) -> None:
    tenths = values / 12
    edges, before = inner_edges(tenths), binned(tenths, inner_edges(tenths))

    assert (before > 0).all()
    assert binned(tenths + 1e-9, edges).tolist() == before.tolist()
    assert binned(tenths - 1e-9, edges).tolist() == before.tolist()


def test_one_patient_alone_differs_by_chance_and_many_do_not() -> None:
    rng = np.random.default_rng(3)
    centres = rng.normal(size=40)
    values = [rng.normal(centre, 0.3, size=50) for centre in centres]
    edges = inner_edges(np.concatenate(values))
    by_patient = np.array([binned(own, edges) for own in values])

    alone, many = by_chance(by_patient, 1, 7), by_chance(by_patient, 400, 7)

    assert alone > 1 > 0.05 > many
    assert by_chance(by_patient, 1, 7) == alone
    assert stability_index(by_patient.sum(0), by_patient).max() >= alone
