"""How far a quantity has moved from where it was: the population stability index, over tenths of a reference.

`sum((a - e) * ln(a / e))` over bins that hold a tenth of the reference each, where e and a are the shares of
the reference and of what is held against it. Rule of thumb: below 0.1 nothing, from 0.25 on a shift that
matters (Siddiqi, Credit Risk Scorecards, 2006). The index grows as samples shrink (Yurdakul and Naranjo,
Journal of Risk Model Validation 14(4), 2020), and the patches of one patient resemble each other. So it is
held against what as few patients, drawn from the reference itself, would come to by chance.
"""

from __future__ import annotations

import numpy as np

from idc.evaluate.bootstrap import Counts, Floats

BINS = 10
WATCH = 0.1
CHANCE = 0.99  # not 0.95: several quantities are looked at every day
DRAWS = 1000
_HALF = 0.5  # added to every bin, so that an empty one does not make the index infinite


def inner_edges(values: Floats) -> Floats:
    """Return the edges between tenths of the values; fewer where many values are the same.

    Each lies midway between two values: one of many that are alike, rounded otherwise, stays in its bin.
    """
    distinct = np.unique(values)
    above = np.searchsorted(distinct, np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1]))
    above = np.unique(above[above > 0])
    return (distinct[above - 1] + distinct[above]) / 2


def binned(values: Floats, edges: Floats) -> Counts:
    """Return how many values lie in each bin, shape (edges + 1,); one on an edge belongs above it."""
    return np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)


def shares(counts: Counts) -> Floats:
    """Return the share of each bin, the last axis of `counts`, none of them 0."""
    found: Floats = (counts + _HALF) / (counts.sum(-1, keepdims=True) + _HALF * counts.shape[-1])
    return found


def stability_index(expected: Counts, observed: Counts) -> Floats:
    """Return the index of `observed`, shape (…, bins), against `expected`, shape (bins,)."""
    wanted, found = shares(expected), shares(observed)
    index: Floats = ((found - wanted) * np.log(found / wanted)).sum(-1)
    return index


def by_chance(by_patient: Counts, sources: int, seed: int) -> float:
    """Return the index that so many patients drawn from the reference stay below in 99 of 100 draws.

    `by_patient` holds the reference's counts, shape (patients, bins).
    """
    even = np.full(len(by_patient), 1 / len(by_patient))
    times = np.random.default_rng(seed).multinomial(sources, even, size=DRAWS)
    return float(np.quantile(stability_index(by_patient.sum(0), times @ by_patient), CHANCE))
