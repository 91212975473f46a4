"""Which patches go into which shard, in which order: a function of the dataset, its split and the seed alone.

A split's patients stand in seeded order and fill shard after shard, so that one shard needs only a few
ranges of the archive. Within a shard the patches stand in seeded order, so that reading sequentially, as Pipe
mode must, still mixes patients and classes. Every format follows the same plan.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Iterator, List, Mapping

import numpy as np

from idc.converter import keys
from idc.converter.catalog import Catalog

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RECORD_BYTES = 34  # a record's framing, on average


@dataclass(frozen=True)
class Shard:
    """One planned shard: rows of the catalog, in the order of the archive's bytes."""

    split: str
    number: int
    rows: NDArray[np.int64]

    def key(self, record_format: str) -> str:
        """Return the shard's key below the dataset's prefix, without a suffix."""
        return keys.shard(self.split, self.number, record_format)


def plan_shards(catalog: Catalog, sides: Mapping[str, str], seed: int, shard_bytes: int) -> List[Shard]:
    """Return every shard of the dataset; a patient larger than `shard_bytes` fills several."""
    by_patient = np.argsort(catalog.rows["patient"], kind="stable")
    bounds = np.searchsorted(catalog.rows["patient"][by_patient], np.arange(len(catalog.patients) + 1))
    groups = np.split(by_patient, bounds[1:-1].tolist())
    rows_of = dict(zip(catalog.patients, groups))
    shards = []
    for split in keys.SPLITS:
        patients = sorted((p for p in sides if sides[p] == split), key=lambda patient: _draw(seed, patient))
        packed = _pack(catalog, [rows_of[patient] for patient in patients], shard_bytes)
        shards += [Shard(split, number, np.sort(rows)) for number, rows in enumerate(packed)]
    return shards


def reading_order(catalog: Catalog, shard: Shard, seed: int) -> List[int]:
    """Return the shard's rows in the order of its records."""
    draws = [_draw(seed, patch.name) for patch in catalog.patches(shard.rows)]
    return [row for _, row in sorted(zip(draws, shard.rows.tolist()))]


def _pack(catalog: Catalog, groups: List[NDArray[np.int64]], shard_bytes: int) -> Iterator[NDArray[np.int64]]:
    """Yield the groups' rows in pieces of about `shard_bytes`, groups whole where they fit."""
    pending: List[NDArray[np.int64]] = []
    filled = 0
    for group in groups:
        for piece in _pieces(catalog, group, shard_bytes):
            size = int(_bytes(catalog, piece).sum())
            if pending and filled + size > shard_bytes:
                yield np.concatenate(pending)
                pending, filled = [], 0
            pending.append(piece)
            filled += size
    if pending:
        yield np.concatenate(pending)


def _pieces(catalog: Catalog, group: NDArray[np.int64], shard_bytes: int) -> List[NDArray[np.int64]]:
    """Cut one patient's rows where they pass a multiple of `shard_bytes`."""
    shard_of = np.cumsum(_bytes(catalog, group)) // shard_bytes
    cuts = np.flatnonzero(shard_of[1:] != shard_of[:-1]) + 1
    return np.split(group, cuts.tolist())


def _bytes(catalog: Catalog, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    return catalog.rows["size"][rows].astype(np.int64) + _RECORD_BYTES


def _draw(seed: int, name: str) -> bytes:
    return hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=16).digest()
