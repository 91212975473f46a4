"""Choose the test patches and slides of a report: the worst mistakes, and the largest patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idc.converter.patches import Patch, parse_name
from idc.evaluate.patients import PatientRow
from idc.evaluate.predictions import Predictions

WORST = 18
SLIDES = 4


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
    """Return a slide each of the patients with most patches, the worst balanced accuracy first.

    Patients with patches of one class stand back unless there are no others.
    """
    shown = [row for row in rows if not np.isnan(row.balanced_accuracy)] or rows
    largest = sorted(shown, key=lambda row: (-row.patches, row.patient))[:count]
    ranked = sorted(largest, key=lambda row: (np.nan_to_num(row.balanced_accuracy), row.patient))
    return [_slide(test, row) for row in ranked]


def _slide(test: Predictions, row: PatientRow) -> SlideChoice:
    own = np.flatnonzero(test.patient == row.patient)
    patches = [parse_name(str(name)) for name in test.patch[own]]
    numbers, counts = np.unique([patch.slide for patch in patches], return_counts=True)
    largest = int(numbers[counts.argmax()])
    kept = [place for place, patch in enumerate(patches) if patch.slide == largest]
    return SlideChoice(row, [patches[place] for place in kept], test.probability[own[kept]])
