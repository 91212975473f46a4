"""The catalog of an archive: its distinct patches as one compact table.

A row costs 42 bytes, so that the table of the full Kaggle archive (277,524 patches) takes 12 MB.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Sequence, Tuple, Union

import numpy as np

from idc.converter.archive import DEFLATED, STORED, Limits
from idc.converter.directory import Member
from idc.converter.patches import DOUBLED_TREE, EXTENSIONS, Patch
from idc.converter.ranges import Span

if TYPE_CHECKING:
    from numpy.typing import NDArray

LISTED = 100  # how many findings of a kind are kept by name; all are counted
COLUMNS = [
    ("offset", "<i8"),
    ("compressed", "<u4"),
    ("size", "<u4"),
    ("crc", "<u4"),
    ("patient", "<u4"),
    ("slide", "<u4"),
    ("x", "<u4"),
    ("y", "<u4"),
    ("method", "<u2"),
    ("label", "u1"),
    ("extension", "u1"),
    ("is_doubled", "u1"),
    ("is_encrypted", "u1"),
]
_PATCH = ("patient", "slide", "x", "y", "label", "extension")
_MEMBER = ("is_doubled", "offset", "compressed", "size", "crc", "method", "is_encrypted")

Rows = Union[Sequence[int], "NDArray[np.int64]"]


@dataclass(frozen=True)
class Refused:
    """A member that is not used, and why."""

    member: str
    reason: str


@dataclass(frozen=True)
class Catalog:
    """The distinct patches of an archive in the order of their bytes, and what was passed over."""

    archive: str
    patients: List[str]
    rows: NDArray[Any]  # structured, see COLUMNS
    ends: NDArray[np.int64]  # per row, where the next member begins
    doubled: int
    refused: List[Refused]
    refused_count: int

    def __len__(self) -> int:
        """Return the number of distinct patches."""
        return len(self.rows)

    def patch(self, row: int) -> Patch:
        """Return the patch in a row."""
        return self.patches([row])[0]

    def member(self, row: int) -> Member:
        """Return the archive's member of the patch in a row."""
        return self.members([row])[0]

    def span(self, row: int) -> Span:
        """Return where in the archive the member of a row lies, its headers included."""
        return self.spans([row])[0]

    def patches(self, rows: Rows) -> List[Patch]:
        """Return the patches in some rows: one row at a time costs ten times as much."""
        patients = self.patients
        return [
            Patch(patients[patient], slide, x, y, label, EXTENSIONS[extension])
            for patient, slide, x, y, label, extension in self._columns(rows, _PATCH)
        ]

    def members(self, rows: Rows) -> List[Member]:
        """Return the archive's members of the patches in some rows."""
        found = []
        for patch, fields in zip(self.patches(rows), self._columns(rows, _MEMBER)):
            is_doubled, offset, compressed, size, crc, method, is_encrypted = fields
            name = DOUBLED_TREE + patch.member if is_doubled else patch.member
            raw = name.encode("ascii")
            found.append(Member(name, raw, offset, compressed, size, crc, method, bool(is_encrypted)))
        return found

    def spans(self, rows: Rows) -> List[Span]:
        """Return where in the archive the members of some rows lie, their headers included."""
        return list(map(Span, self.rows["offset"][rows].tolist(), self.ends[rows].tolist()))

    def counts(self) -> Dict[str, Tuple[int, int]]:
        """Return each patient's number of patches of class 0 and of class 1."""
        table = np.zeros((len(self.patients), 2), dtype=np.int64)
        np.add.at(table, (self.rows["patient"], self.rows["label"]), 1)
        return {patient: (int(zero), int(one)) for patient, (zero, one) in zip(self.patients, table)}

    def _columns(self, rows: Rows, names: Tuple[str, ...]) -> Iterator[Tuple[int, ...]]:
        found = self.rows[rows]
        return zip(*(found[name].tolist() for name in names))


def unreadable(member: Member, limits: Limits) -> str:
    """Return why a patch's member must not be unpacked, empty if it may be."""
    if member.is_encrypted:
        return "is encrypted"
    if member.method not in (STORED, DEFLATED):
        return f"is packed by method {member.method}, expected 0 or 8"
    largest = max(member.size, member.compressed_size)
    if largest > limits.patch_bytes:
        return f"has {largest} bytes, expected at most {limits.patch_bytes}"
    return ""
