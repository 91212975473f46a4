"""What the history knows of each partition."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from idc.layout import CHAMPION

DEPLOY = "deploy"  # the outcome of a decision by which a candidate becomes the champion


@dataclass(frozen=True)
class Figure:
    """A metric with its 95 % bounds over patients; None for a bound that does not exist."""

    value: float
    low: float | None
    high: float | None

    def to_dict(self) -> dict[str, float | None]:
        """Return the figure as metrics.json has it."""
        return asdict(self)


@dataclass(frozen=True)
class Measured:
    """A partition: its candidates' figures on the test patients, and its champion, empty if undecided."""

    partition: str
    candidates: Mapping[str, Mapping[str, Figure]]
    champion: str

    def best(self, metric: str) -> str:
        """Return the champion, or the candidate with the best `metric` if nothing is decided."""
        if self.champion in self.candidates:
            return self.champion
        ranked = {name: found[metric].value for name, found in self.candidates.items() if metric in found}
        return max(ranked, key=lambda name: ranked[name], default="")

    def figure(self, name: str, metric: str) -> Figure | None:
        """Return a candidate's figure, None if it was not measured."""
        return self.candidates.get(name, {}).get(metric)


@dataclass(frozen=True)
class Month(Measured):
    """A partition with its snapshot and dataset."""

    patients: int
    patches: int
    synthetic: bool
    dataset_digest: str


def figures(measured: Mapping[str, Any] | None) -> dict[str, Figure]:
    """Return the metrics that exist in a measured split of metrics.json; None has none."""
    return {
        key: Figure(value, _number(one.get("low")), _number(one.get("high")))
        for key, one in (measured or {}).items()
        if isinstance(one, Mapping) and (value := _number(one.get("value"))) is not None
    }


def champion_of(decision: Mapping[str, Any] | None) -> str:
    """Return the variant that was deployed, `CHAMPION` if the former model was kept, empty if undecided.

    A model whose deployment failed is no champion.
    """
    if decision is None:
        return ""
    if decision.get("outcome") != DEPLOY:
        return CHAMPION
    return str(decision["variant"]) if (decision.get("result") or {}).get("is_deployed") else ""


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and math.isfinite(value) else None
