"""What the page on all partitions knows of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A metric with its 95 % bounds over patients; None where the bounds cannot be told."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Month:
    """A partition: its snapshot, its dataset, its candidates' figures on the test patients, its champion."""

    partition: str
    patients: int
    patches: int
    synthetic: bool
    dataset_digest: str
    candidates: Mapping[str, Mapping[str, Figure]]
    champion: str

    def best(self, metric: str) -> str:
        """Return the champion, or the candidate with the best `metric` where none is decided on."""
        if self.champion in self.candidates:
            return self.champion
        ranked = {name: found[metric].value for name, found in self.candidates.items() if metric in found}
        return max(ranked, key=lambda name: ranked[name], default="")
