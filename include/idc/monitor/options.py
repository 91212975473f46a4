"""Options and limits of monitoring."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What decides: `drift` is a stability index, `drop` a difference from the test patients' figure."""

    drift: float
    drop: float
    min_patches: int
    min_labels: int


@dataclass(frozen=True)
class Options:
    """So many days of answers, of labels, and captured patches at most; and the limits."""

    days: int
    feedback_days: int
    most_patches: int
    limits: Limits
