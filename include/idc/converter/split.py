"""The split: every patient on one side only, class shares alike on all sides, the same for the same seed.

After Sechidis, Tsoumakas, Vlahavas: On the stratification of multi-label data (2011), with patients for
examples and three quantities for labels: patients, patches of class 0, patches of class 1.
"""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass
from typing import Dict, Iterable, List, Mapping, NamedTuple, Sequence, Tuple

from idc.converter.errors import ConfigurationError, LeakageError
from idc.converter.keys import SPLITS

Counts = Mapping[str, Tuple[int, int]]


@dataclass(frozen=True)
class Shares:
    """How much of the patients and of their patches each side gets; the three add up to 1."""

    train: float = 0.7
    validation: float = 0.15
    test: float = 0.15

    def __post_init__(self) -> None:
        """Refuse shares that are no shares.

        Raises:
            ConfigurationError: one is not above 0, or they do not add up to 1.
        """
        shares = [self.train, self.validation, self.test]
        if not all(0 < share < 1 for share in shares) or abs(sum(shares) - 1) > 1e-9:
            which, expected = "of train, validation, test", "three numbers above 0 that add up to 1"
            raise ConfigurationError("shares", which, shares, expected, "Correct them.")

    def of(self, split: str) -> float:
        """Return one side's share."""
        return {"train": self.train, "validation": self.validation, "test": self.test}[split]


class SplitRow(NamedTuple):
    """One line of split.csv."""

    patient: str
    split: str
    patches: int
    class0: int
    class1: int


def assign(
    counts: Counts, shares: Shares, seed: int, together: Iterable[Sequence[str]] = ()
) -> Dict[str, str]:
    """Return each patient's side; the patients of each sequence in `together` get the same one.

    Units are dealt from the largest size class to the smallest, in seeded order within one, each to the side
    that lacks most of what the unit holds, measured against that side's share.
    """
    units = _units(counts, together)
    sizes = {unit: _quantities(unit, counts) for unit in units}
    totals = [max(sum(column), 1) for column in zip(*sizes.values())]
    filled = {split: [0.0, 0.0, 0.0] for split in SPLITS}
    sides: Dict[str, str] = {}
    for unit in sorted(units, key=lambda unit: (-sum(sizes[unit][1:]).bit_length(), _draw(seed, *unit))):
        weights = [size / total for size, total in zip(sizes[unit], totals)]
        lacks = [
            (_lack(weights, filled[split], shares.of(split)), _draw(seed, split, *unit)) for split in SPLITS
        ]
        side = SPLITS[lacks.index(max(lacks))]
        filled[side] = [part + weight for part, weight in zip(filled[side], weights)]
        sides.update((patient, side) for patient in unit)
    return sides


def rows_of(sides: Mapping[str, str], counts: Counts) -> List[SplitRow]:
    """Return the table of the split, ordered by patient."""
    rows = []
    for patient in sorted(sides, key=lambda patient: (len(patient), patient)):
        zero, one = counts[patient]
        rows.append(SplitRow(patient, sides[patient], zero + one, zero, one))
    return rows


def check_leakage(rows: Sequence[SplitRow], together: Iterable[Sequence[str]] = ()) -> None:
    """Refuse a split that cannot be measured with.

    Raises:
        LeakageError: a patient, or patients with identical images, on two sides; or a side without
            one of the classes.
    """
    sides: Dict[str, str] = {}
    for row in rows:
        if sides.setdefault(row.patient, row.split) != row.split:
            raise _leak("patient", row.patient, f"in {sides[row.patient]} and in {row.split}", "in one split")
    for patients in together:
        found = {sides[patient] for patient in patients if patient in sides}
        if len(found) > 1:
            raise _leak("patients", ", ".join(patients), f"identical images in {sorted(found)}", "one split")
    for split in SPLITS:
        of_split = [row for row in rows if row.split == split]
        zero, one = sum(row.class0 for row in of_split), sum(row.class1 for row in of_split)
        if not zero or not one:
            observed = f"{len(of_split)} patients with {zero} patches of class 0 and {one} of class 1"
            raise _leak("split", split, observed, "both classes")


def write_csv(rows: Iterable[SplitRow]) -> bytes:
    """Return split.csv."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(SplitRow._fields)
    writer.writerows(rows)
    return text.getvalue().encode()


def read_csv(content: bytes) -> List[SplitRow]:
    """Return the rows of a split.csv this module wrote."""
    lines = csv.DictReader(io.StringIO(content.decode()))
    numbers = ("patches", "class0", "class1")
    return [
        SplitRow(line["patient"], line["split"], *(int(line[name]) for name in numbers)) for line in lines
    ]


def _lack(weights: Sequence[float], filled: Sequence[float], share: float) -> float:
    """Return how much a side with this share lacks of what a unit would bring."""
    return sum(weight * (1 - part / share) for weight, part in zip(weights, filled))


def _units(counts: Counts, together: Iterable[Sequence[str]]) -> List[Tuple[str, ...]]:
    """Return the patients in groups that must not be parted: linked directly or through others."""
    unit_of = {patient: {patient} for patient in counts}
    for patients in together:
        merged = set().union(*(unit_of[patient] for patient in patients))
        unit_of.update((patient, merged) for patient in merged)
    return sorted({tuple(sorted(unit)) for unit in unit_of.values()})


def _quantities(unit: Sequence[str], counts: Counts) -> Tuple[int, int, int]:
    return len(unit), sum(counts[patient][0] for patient in unit), sum(counts[patient][1] for patient in unit)


def _draw(seed: int, *names: str) -> str:
    return hashlib.sha256("/".join((str(seed), *names)).encode()).hexdigest()


def _leak(what: str, which: str, observed: str, expected: str) -> LeakageError:
    action = "Use another seed or other shares, or more patients."
    return LeakageError(what, which, observed, expected, action)
