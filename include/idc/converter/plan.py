"""What a snapshot's dataset will be, known before a single shard is cut."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Dict, List, Mapping, Optional, Set

import numpy as np

from idc.converter.archive import Limits, unpack
from idc.converter.catalog import Catalog, unreadable
from idc.converter.cataloguing import read_catalog
from idc.converter.conversion import ConversionSettings
from idc.converter.given_split import check_patients
from idc.converter.ranges import RangeReader
from idc.converter.records.shards import Shard, plan_shards
from idc.converter.split import assign, check_leakage, rows_of


@dataclass(frozen=True)
class Plan:
    """The patches, each patient's side, the shards, and the members whose bytes are some other patient's."""

    catalog: Catalog
    sides: Dict[str, str]
    shards: List[Shard]
    identical: List[List[str]]


def make_plan(
    reader: RangeReader,
    settings: ConversionSettings,
    limits: Limits,
    given: Optional[Mapping[str, str]] = None,
) -> Plan:
    """Return the plan of a dataset: the same for the same archive and settings, wherever it is made.

    A `given` split, each patient's side, takes the place of the seeded one.

    Raises:
        LeakageError: no safe split came of it, or the given one is not safe.
        ConfigurationError: the given split is of other patients.
    """
    catalog = read_catalog(reader, limits)
    identical = find_identical(reader, catalog, limits)
    names = [[catalog.patch(row) for row in rows] for rows in identical]
    together = [sorted({patch.patient for patch in patches}) for patches in names]
    counts = catalog.counts()
    if given is None:
        sides = assign(counts, settings.shares, settings.seed, together)
    else:
        check_patients(given, catalog.patients, settings.split_sha256)
        sides = dict(given)
    check_leakage(rows_of(sides, counts), together)
    shards = plan_shards(catalog, sides, settings.seed, settings.shard_bytes)
    return Plan(catalog, sides, shards, [[patch.member for patch in patches] for patches in names])


def find_identical(reader: RangeReader, catalog: Catalog, limits: Limits) -> List[List[int]]:
    """Return rows in groups whose bytes are identical though their patients differ.

    Equal size and CRC-32 make candidates, and only these are read.
    """
    order = np.lexsort((catalog.rows["size"], catalog.rows["crc"]))
    crcs, sizes = catalog.rows["crc"][order], catalog.rows["size"][order]
    is_like_next = (crcs[1:] == crcs[:-1]) & (sizes[1:] == sizes[:-1])
    runs = np.split(order, (np.flatnonzero(~is_like_next) + 1).tolist()) if is_like_next.any() else []
    groups = []
    for run in runs:
        if len(run) > 1 and len(set(catalog.rows["patient"][run].tolist())) > 1:
            groups += _same_bytes(reader, catalog, run.tolist(), limits)
    return groups


def _same_bytes(reader: RangeReader, catalog: Catalog, rows: List[int], limits: Limits) -> List[List[int]]:
    by_digest: Dict[bytes, List[int]] = {}
    for row in sorted(rows):
        member, span = catalog.member(row), catalog.span(row)
        if unreadable(member, limits):
            continue
        content = unpack(member, reader.read(span.start, span.end - span.start))
        by_digest.setdefault(hashlib.sha256(content).digest(), []).append(row)

    def patients(found: List[int]) -> Set[int]:
        return set(catalog.rows["patient"][found].tolist())

    return [found for found in by_digest.values() if len(patients(found)) > 1]
