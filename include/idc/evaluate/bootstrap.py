"""Bounds over patients: the percentile bootstrap, with patients as resamples.

The patches of one patient resemble each other; bounds from drawing patches would be far too narrow.
After Efron and Tibshirani (An Introduction to the Bootstrap, 1993, chapter 13).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
# With fewer draws than this in which a metric exists, its bounds would tell of the draws, not of the metric.
_ENOUGH_DRAWS = 0.5

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Draws:
    """How often each patient counts in each draw: `times`, shape (1 + draws, patients), row 0 all once.

    `owner`, shape (patches,), is each patch's patient, as a column of `times`.
    """

    times: Counts
    owner: Counts

    @classmethod
    def of(cls, patient: NDArray[np.str_], draws: int, seed: int) -> Self:
        """Return draws of the patients of these patches; the same patients and seed give the same draws.

        A single patient is not drawn: all draws would be alike.
        """
        names, owner = np.unique(patient, return_inverse=True)
        share = np.full(len(names), 1 / len(names))
        draws = draws if len(names) > 1 else 0
        drawn = np.random.default_rng(seed).multinomial(len(names), share, size=draws)
        return cls(np.vstack([np.ones((1, len(names)), dtype=np.int64), drawn]), owner)

    def first(self, draws: int) -> Draws:
        """Return the first of these draws."""
        return Draws(self.times[: draws + 1], self.owner)

    def weights(self) -> Iterator[Counts]:
        """Yield how often each patch counts, shape (patches,), draw by draw."""
        for row in self.times:
            yield row[self.owner]

    def totals(self, group: Counts, groups: int, amount: Floats | None = None) -> Floats:
        """Return the sum of `amount` (one a patch if None) over each group's patches, (1 + draws, groups)."""
        cells = np.bincount(
            self.owner * groups + group, weights=amount, minlength=self.times.shape[1] * groups
        )
        return self.times.astype(np.float64) @ cells.reshape(-1, groups).astype(np.float64)


def bounded(by_draw: Floats, patients: int, name: str = "value") -> dict[str, Any]:
    """Return a figure and its bounds from its values by draw, the first of which is the figure itself.

    `{name, "low", "high"}`; what does not exist is None, with a `reason` beside it.
    """
    value, drawn = float(by_draw[0]), by_draw[1:]
    existing = drawn[~np.isnan(drawn)]
    reason = None
    if np.isnan(value):
        reason = "undefined for these patches"
    elif patients < 2:
        reason = "a single patient has no bounds"
    elif len(existing) < _ENOUGH_DRAWS * len(drawn):
        reason = "undefined in most draws of patients"
    if reason:
        return {name: None if np.isnan(value) else value, "low": None, "high": None, "reason": reason}
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(existing, [tail, 1 - tail])
    return {name: value, "low": float(low), "high": float(high)}
