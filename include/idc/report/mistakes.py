"""Which test patches and slides a report shows: the worst mistakes, and patients from worst to best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idc.dataset.patches import Patch, parse_name
from idc.evaluation.patients import PatientRow
from idc.evaluation.predictions import Predictions

WORST = 18
SLIDES = 4
# A slide of fewer patches says little as a picture.
LEAST_PATCHES = 20


@dataclass(frozen=True)
class Mistake:
    """A patch that was answered wrongly, and the calibrated probability of class 1 it was given."""

    patch: Patch
    probability: float


@dataclass(frozen=True, eq=False)
class SlideChoice:
    """One slide that is shown: all of its patches, their probabilities, and how the patient fared."""

    row: PatientRow
    patches: list[Patch]
    probability: NDArray[np.float64]


def worst(test: Predictions, threshold: float, label: int, count: int = WORST) -> list[Mistake]:
    """Return the mistakes about patches of one class that were made with the most certainty, worst first."""
    wrong = (test.label == label) & ((test.probability >= threshold) != (test.label == 1))
    order = np.argsort(test.probability if label else -test.probability, kind="stable")
    chosen = order[wrong[order]][:count]
    return [Mistake(parse_name(str(test.patch[at])), float(test.probability[at])) for at in chosen]


def choose_slides(test: Predictions, rows: Sequence[PatientRow], count: int = SLIDES) -> list[SlideChoice]:
    """Return the largest slide of patients spread evenly from the worst balanced accuracy to the best.

    Patients with too few patches for a picture, or of one class, stand back unless there are no others.
    """
    shown = [row for row in rows if row.patches >= LEAST_PATCHES and not np.isnan(row.balanced_accuracy)]
    ranked = sorted(shown or rows, key=lambda row: (np.nan_to_num(row.balanced_accuracy), row.patient))
    at = np.unique(np.linspace(0, len(ranked) - 1, min(count, len(ranked))).round().astype(int))
    return [_slide(test, ranked[place]) for place in at]


def _slide(test: Predictions, row: PatientRow) -> SlideChoice:
    own = np.flatnonzero(test.patient == row.patient)
    patches = [parse_name(str(name)) for name in test.patch[own]]
    numbers, counts = np.unique([patch.slide for patch in patches], return_counts=True)
    largest = int(numbers[counts.argmax()])
    kept = [place for place, patch in enumerate(patches) if patch.slide == largest]
    return SlideChoice(row, [patches[place] for place in kept], test.probability[own[kept]])
