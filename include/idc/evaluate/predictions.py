"""The scored patches of a candidate: read and write predictions.csv."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from idc.errors import InputError
from idc.evaluate.calibration import Calibration
from idc.layout import SPLITS

COLUMNS = ("patch", "patient", "label", "split", "p1")
_LABELS = {"0": 0, "1": 1}

Row = tuple[str, str, int, str, float]


@dataclass(frozen=True, eq=False)
class Predictions:
    """Patches with their patient, true class, split and the probability a model gave to class 1.

    All have shape (patches,); `probability` lies between 0 and 1.
    """

    patch: NDArray[np.str_]
    patient: NDArray[np.str_]
    label: NDArray[np.int64]
    split: NDArray[np.str_]
    probability: NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of patches."""
        return len(self.label)

    def of(self, split: str) -> Predictions:
        """Return the patches of one split."""
        return self._at(self.split == split)

    def without(self, patients: Iterable[str]) -> Predictions:
        """Return the patches of all other patients."""
        return self._at(~np.isin(self.patient, list(patients)))

    def ranked(self) -> Predictions:
        """Return the patches in the order of their probability."""
        return self._at(np.argsort(self.probability, kind="stable"))

    def calibrated(self, calibration: Calibration) -> Predictions:
        """Return the patches with calibrated probabilities."""
        return replace(self, probability=calibration.apply(self.probability))

    def _at(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> Predictions:
        return Predictions(
            self.patch[chosen],
            self.patient[chosen],
            self.label[chosen],
            self.split[chosen],
            self.probability[chosen],
        )


def read_predictions(table: TextIO) -> Predictions:
    """Read a predictions.csv with the columns patch, patient, label, split, p1.

    Raises:
        InputError: the columns, a label or a probability is not as it should be, a patch occurs twice,
            or there are no patches; the message names the line.
    """
    rows = csv.reader(table)
    header = next(rows, [])
    if tuple(header) != COLUMNS:
        raise _wrong("columns", ",".join(header) or "none", ",".join(COLUMNS))
    return collected(_checked(rows))


def parsed(content: bytes) -> Predictions:
    """Return the predictions in the bytes of a predictions.csv.

    Raises:
        InputError: as `read_predictions`.
    """
    return read_predictions(io.StringIO(content.decode(errors="replace")))


def collected(rows: Iterable[Row]) -> Predictions:
    """Return rows as predictions.

    Raises:
        InputError: there are none, or a patch occurs twice.
    """
    columns = list(zip(*rows, strict=True))
    if not columns:
        raise _wrong("rows", "none", "at least one patch")
    patches, patients, labels, splits, probabilities = columns
    if len(set(patches)) < len(patches):
        raise _wrong("rows", f"{len(patches) - len(set(patches))} patches occur twice", "each patch once")
    return Predictions(
        np.array(patches, dtype=np.str_),
        np.array(patients, dtype=np.str_),
        np.array(labels, dtype=np.int64),
        np.array(splits, dtype=np.str_),
        np.array(probabilities, dtype=np.float64),
    )


def written(predictions: Predictions) -> bytes:
    """Return predictions.csv."""
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(COLUMNS)
    columns = (predictions.patch, predictions.patient, predictions.label, predictions.split)
    scores = (f"{value:.8g}" for value in predictions.probability)
    rows.writerows(zip(*(column.tolist() for column in columns), scores, strict=True))
    return table.getvalue().encode()


def _checked(rows: Iterable[list[str]]) -> Iterator[Row]:
    for number, row in enumerate(rows, start=2):
        if len(row) != len(COLUMNS) or not row[0] or not row[1]:
            raise _wrong(f"line {number}", ",".join(row), f"a value for each of {', '.join(COLUMNS)}")
        if row[2] not in _LABELS:
            raise _wrong(f"label in line {number}", row[2], "0 or 1")
        if row[3] not in SPLITS:
            raise _wrong(f"split in line {number}", row[3], f"one of {', '.join(SPLITS)}")
        yield row[0], row[1], _LABELS[row[2]], row[3], _probability(row[4], number)


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
