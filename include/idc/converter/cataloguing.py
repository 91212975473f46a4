"""Cataloguing: from an archive's central directory alone to the table of its distinct patches.

While it is made the table holds the doubled members too: 25 MB for the full Kaggle archive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Set, Tuple

import numpy as np

from idc.converter.archive import Limits, walk
from idc.converter.catalog import COLUMNS, Catalog
from idc.converter.draft import EXPECTED, Draft, path_of
from idc.converter.errors import CorruptArchive, InputError, UnsafeArchive
from idc.converter.ranges import RangeReader

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_catalog(reader: RangeReader, limits: Limits) -> Catalog:
    """Walk the archive's central directory and check all that can be known without reading members.

    Raises:
        UnsafeArchive, CorruptArchive: as the archive is.
        InvalidPatchName: the first ten and the number of image names that are no patch's.
        InputError: there is no patch in it.
    """
    draft = Draft(reader, limits)
    draft.fill()
    if len(repeated := draft.repeated_paths()):
        _check_repeated(reader, limits, repeated)
    draft.check_names()
    offsets, ends = draft.member_ends()
    if not draft.rows:
        raise InputError("archive", reader.name, "no patch in it", EXPECTED, "Is it the right archive?")
    rows, doubled = _distinct(np.frombuffer(draft.rows, dtype=COLUMNS), list(draft.patients))
    draft.rows = bytearray()  # it is the largest part of the memory
    return Catalog(
        archive=reader.name,
        patients=list(draft.patients),
        rows=rows,
        ends=ends[np.searchsorted(offsets, rows["offset"])],
        doubled=doubled,
        refused=draft.refused,
        refused_count=draft.refused_count,
    )


def _check_repeated(reader: RangeReader, limits: Limits, repeated: Set[int]) -> None:
    """Walk again to name the members whose paths have equal hashes; refuse them if the paths are equal."""
    seen: Dict[str, str] = {}
    for member in walk(reader, limits):
        path = path_of(member)
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
    del order, is_repeat, values  # the tables are large: what is not needed any more goes
    kept = kept[np.argsort(rows["offset"][kept])]
    return rows[kept], len(repeats)


def _conflict(pair: NDArray[Any], column: str, count: int, patients: List[str]) -> CorruptArchive:
    catalog = Catalog("", patients, pair, pair["offset"], 0, [], 0)
    first, second = catalog.member(0).name, catalog.member(1).name
    observed = f"another {column} than its double {first!r} ({count} such patches)"
    return CorruptArchive("member", repr(second), observed, "the same patch", "Fetch the archive again.")
