"""Cataloguing: from an archive's central directory alone to the table of its distinct patches.

While it is made the table holds the doubled members too: 25 MB for the full Kaggle archive.
"""

from __future__ import annotations

import struct
from array import array
from typing import TYPE_CHECKING, Any, Dict, List, Set, Tuple

import numpy as np

from idc.dataset.archive import LOCAL_HEADER_BYTES, Limits, normal_name, walk
from idc.dataset.catalog import COLUMNS, LISTED, Catalog, Refused
from idc.dataset.directory import Member, find_directory
from idc.dataset.patches import EXTENSIONS, looks_like_patch, parse_member
from idc.dataset.ranges import RangeReader
from idc.errors import CorruptArchive, InputError, InvalidPatchName, UnsafeArchive

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SHOWN = 10
_EXPECTED = "<patient>/<class>/<patient>_idx5_x<x>_y<y>_class<class>.png"
_ROW = struct.Struct("<q7IH4B")
_LARGEST = 0xFFFFFFFF
_LONGEST_EXTRA = 0xFFFF


def read_catalog(reader: RangeReader, limits: Limits) -> Catalog:
    """Walk the archive's central directory and check all that can be known without reading members.

    Raises:
        UnsafeArchive, CorruptArchive: as the archive is.
        InvalidPatchName: the first ten and the number of image names that are no patch's.
        InputError: there is no patch in it.
    """
    draft = _Draft(reader, limits)
    for member in walk(reader, limits):
        draft.add(member)
    draft.check_names()
    offsets, ends = draft.member_ends()
    rows = np.frombuffer(draft.rows, dtype=COLUMNS)
    if not len(rows):
        raise InputError("archive", reader.name, "no patch in it", _EXPECTED, "Is it the right archive?")
    rows, doubled = _distinct(rows, list(draft.patients))
    return Catalog(
        archive=reader.name,
        patients=list(draft.patients),
        rows=rows,
        ends=ends[np.searchsorted(offsets, rows["offset"])],
        doubled=doubled,
        refused=draft.refused,
        refused_count=draft.refused_count,
    )


class _Draft:
    """The table while the directory is walked."""

    def __init__(self, reader: RangeReader, limits: Limits) -> None:
        self.rows = bytearray()
        self.patients: Dict[str, int] = {}
        self.refused: List[Refused] = []
        self.refused_count = 0
        self._reader, self._limits = reader, limits
        self._invalid: List[str] = []
        self._invalid_count = 0
        self._names = array("q")
        self._offsets = array("q")
        self._smallest_ends = array("q")

    def add(self, member: Member) -> None:
        """Take in one member."""
        self._names.append(hash(_path(member)))
        self._offsets.append(member.offset)
        smallest = LOCAL_HEADER_BYTES + len(member.raw_name) + member.compressed_size
        self._smallest_ends.append(member.offset + smallest)
        if looks_like_patch(member.name):
            self._add_patch(member)
        elif not member.name.endswith("/") or member.size:
            self.refused_count += 1
            if len(self.refused) < LISTED:
                self.refused.append(Refused(member.name, "is neither PNG nor JPEG by its name"))

    def check_names(self) -> None:
        """Refuse two members that are one path, and names that are no patch's."""
        names = np.sort(np.frombuffer(self._names, dtype=np.int64))
        repeated = set(names[:-1][names[:-1] == names[1:]].tolist())
        if repeated:
            _check_repeated(self._reader, self._limits, repeated)
        if self._invalid_count:
            observed = f"{self._invalid_count} members are not named as patches: {'; '.join(self._invalid)}"
            which = self._reader.name
            raise InvalidPatchName("archive", which, observed, _EXPECTED, "Mend or remove them.")

    def member_ends(self) -> Tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return every member's offset, ascending, and where at most it ends; refuse overlaps."""
        offsets = np.frombuffer(self._offsets, dtype=np.int64)
        order = np.argsort(offsets, kind="stable")
        offsets = offsets[order]
        smallest = np.frombuffer(self._smallest_ends, dtype=np.int64)[order]
        following = np.append(offsets[1:], find_directory(self._reader).offset)
        overlaps = int(np.count_nonzero(smallest > following))
        if overlaps:
            observed = f"{overlaps} members lie over others or over the directory"
            raise UnsafeArchive("archive", self._reader.name, observed, "none", "Do not use this archive.")
        return offsets, np.minimum(following, smallest + _LONGEST_EXTRA)

    def _add_patch(self, member: Member) -> None:
        try:
            patch, is_doubled = parse_member(member.name)
        except ValueError as problem:
            self._invalid_count += 1
            if len(self._invalid) < _SHOWN:
                self._invalid.append(f"{member.name!r} {problem}")
            return
        self.rows += _ROW.pack(
            member.offset,
            min(member.compressed_size, _LARGEST),
            min(member.size, _LARGEST),
            member.crc,
            self.patients.setdefault(patch.patient, len(self.patients)),
            patch.slide,
            patch.x,
            patch.y,
            member.method,
            patch.label,
            EXTENSIONS.index(patch.extension),
            is_doubled,
            member.is_encrypted,
        )


def _path(member: Member) -> str:
    return normal_name(member.name.rstrip("/"))


def _check_repeated(reader: RangeReader, limits: Limits, repeated: Set[int]) -> None:
    """Walk again to name the members whose paths have equal hashes; refuse them if the paths are equal."""
    seen: Dict[str, str] = {}
    for member in walk(reader, limits):
        path = _path(member)
        if hash(path) not in repeated:
            continue
        if path in seen:
            observed = f"is the same path as {seen[path]!r}"
            expected = "one member per path"
            raise UnsafeArchive("member", repr(member.name), observed, expected, "Do not use this archive.")
        seen[path] = member.name


def _distinct(rows: NDArray[Any], patients: List[str]) -> Tuple[NDArray[Any], int]:
    """Return one row per patch, in the order of the bytes, and how many doubles were passed over."""
    order = np.lexsort((rows["is_doubled"], rows["y"], rows["x"], rows["slide"], rows["patient"]))
    is_repeat = np.ones(len(rows), dtype=bool)
    is_repeat[0] = False
    for column in ("patient", "slide", "x", "y"):
        values = rows[column][order]
        is_repeat[1:] &= values[1:] == values[:-1]
    repeats = np.flatnonzero(is_repeat)
    for column in ("label", "extension", "crc", "size"):
        values = rows[column][order]
        differing = repeats[values[repeats] != values[repeats - 1]]
        if len(differing):
            pair = rows[order[differing[0] - 1 : differing[0] + 1]]
            raise _conflict(pair, column, len(differing), patients)
    kept = order[~is_repeat]
    return rows[kept[np.argsort(rows["offset"][kept])]], len(repeats)


def _conflict(pair: NDArray[Any], column: str, count: int, patients: List[str]) -> CorruptArchive:
    catalog = Catalog("", patients, pair, pair["offset"], 0, [], 0)
    first, second = catalog.member(0).name, catalog.member(1).name
    observed = f"another {column} than its double {first!r} ({count} such patches)"
    return CorruptArchive("member", repr(second), observed, "the same patch", "Fetch the archive again.")
