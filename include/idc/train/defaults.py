"""The hyperparameters that tuning made a variant's defaults, with the ones before kept to go back to."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from typing import Any, Self

from idc import layout
from idc.storage import ObjectStore
from idc.train import candidates
from idc.variants.all import VARIANTS

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tuned:
    """Hyperparameters as a training plan has them, the tuning job that found them, and how good they were."""

    tuning_job: str
    training_job: str
    partition: str
    dataset_digest: str
    synthetic: bool
    metric: str
    objective: float
    hyperparameters: dict[str, Any]


@dataclass(frozen=True)
class Defaults:
    """A variant's tuned hyperparameters: `current`, None for the settings', and `history`, newest last.

    `reverted_by` names the run that made these the present ones by taking a tuning back.
    """

    current: Tuned | None = None
    history: tuple[Tuned | None, ...] = ()
    reverted_by: str = ""

    @classmethod
    def from_json(cls, body: bytes) -> Self:
        """Read defaults.json."""
        found = json.loads(body)
        history = tuple(map(_tuned, found["history"]))
        return cls(_tuned(found["current"]), history, found.get("reverted_by", ""))

    def followed_by(self, tuned: Tuned) -> Defaults:
        """Return the defaults with `tuned` as the present ones."""
        return self if tuned == self.current else Defaults(tuned, (*self.history, self.current))

    def reverted(self, by: str) -> Defaults:
        """Return the defaults with the ones before as the present ones, the settings' before the first.

        What the run `by` has taken back it does not take back again.
        """
        if by == self.reverted_by or not self.history:
            return self
        return Defaults(self.history[-1], self.history[:-1], by)


def read(store: ObjectStore, variant: str) -> Defaults:
    """Return a variant's tuned defaults, empty where it was never tuned."""
    body = store.find(layout.tuned_defaults(variant))
    return Defaults() if body is None else Defaults.from_json(body)


def write(store: ObjectStore, variant: str, defaults: Defaults) -> None:
    """Record a variant's tuned defaults."""
    candidates.write_json(store, layout.tuned_defaults(variant), asdict(defaults))


def current(store: ObjectStore, variant: str, *, is_synthetic: bool) -> Tuned | None:
    """Return what the next training takes, None for the settings' values.

    Hyperparameters tuned on synthetic patches are never used on real ones, nor the other way round.
    """
    found = read(store, variant).current
    if found is None and (other := VARIANTS[variant].tuned_like):
        found = read(store, other).current
    if found is not None and found.synthetic != is_synthetic:
        kind = "generated" if found.synthetic else "real"
        log.info("%s: the hyperparameters of %s are left out: tuned on %s", variant, found.tuning_job, kind)
        return None
    return found


def _tuned(values: dict[str, Any] | None) -> Tuned | None:
    return None if values is None else Tuned(**values)
