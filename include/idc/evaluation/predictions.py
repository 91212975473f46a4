"""The scored patches of one split: the table the evaluation job writes and everything else reads."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from idc.errors import InputError

COLUMNS = ("patch", "patient", "label", "probability")
_LABELS = {"0": 0, "1": 1}


@dataclass(frozen=True, eq=False)
class Predictions:
    """Patches with their patient, their true class and the probability a model gave to class 1.

    All have shape (patches,); `probability` lies between 0 and 1.
    """

    patch: NDArray[np.str_]
    patient: NDArray[np.str_]
    label: NDArray[np.int64]
    probability: NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of patches."""
        return len(self.label)


def read_predictions(table: TextIO) -> Predictions:
    """Read a predictions.csv with the columns patch, patient, label, probability.

    Raises:
        InputError: the columns, a label or a probability is not as it should be, a patch occurs twice,
            or there are no patches; the message names the line.
    """
    rows = csv.reader(table)
    header = next(rows, [])
    if tuple(header) != COLUMNS:
        raise _wrong("columns", ",".join(header) or "none", ",".join(COLUMNS))
    patches, patients, labels, probabilities = [], [], [], []
    for patch, patient, label, probability in _checked(rows):
        patches.append(patch)
        patients.append(patient)
        labels.append(label)
        probabilities.append(probability)
    if not patches:
        raise _wrong("rows", "none", "at least one patch")
    if len(set(patches)) < len(patches):
        raise _wrong("rows", f"{len(patches) - len(set(patches))} patches occur twice", "each patch once")
    return Predictions(
        np.array(patches, dtype=np.str_),
        np.array(patients, dtype=np.str_),
        np.array(labels, dtype=np.int64),
        np.array(probabilities, dtype=np.float64),
    )


def _checked(rows: Iterator[list[str]]) -> Iterator[tuple[str, str, int, float]]:
    for number, row in enumerate(rows, start=2):
        if len(row) != len(COLUMNS) or not row[0] or not row[1]:
            raise _wrong(f"line {number}", ",".join(row), "a patch, its patient, its label and a probability")
        if row[2] not in _LABELS:
            raise _wrong(f"label in line {number}", row[2], "0 or 1")
        yield row[0], row[1], _LABELS[row[2]], _probability(row[3], number)


def _probability(text: str, number: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise _wrong(f"probability in line {number}", text, "a number from 0 to 1")
    return value


def _wrong(which: str, observed: str, expected: str) -> InputError:
    return InputError("predictions", which, observed, expected, "Score the split again.")
