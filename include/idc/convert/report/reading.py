"""Chosen patches of a dataset, read by ranges of its shards, so that no whole shard is held."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from idc import layout
from idc.converter.index import DatasetIndex
from idc.converter.records import recordio
from idc.errors import MissingObject
from idc.storage import ObjectStore

GAP_BYTES = 128 * 1024  # to read over this much costs less than another request
RUN_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Run:
    """Neighbouring records that one request reads: bytes `start` to `stop` of a shard."""

    start: int
    stop: int


def read_patches(
    store: ObjectStore, index: DatasetIndex, names: set[str], split: str
) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the encoded image of each of these patches of a split, in the order of the shards.

    Raises:
        MissingObject: a shard is gone.
        CorruptShard: a shard is damaged.
    """
    for shard in index.shards:
        if shard.format != layout.RECORDIO or shard.split != split:
            continue
        key = layout.dataset_prefix(index.dataset_digest) + shard.key
        stem = key.removesuffix(recordio.RECORDS)
        listed = [line.split("\t")[2] for line in _lines(store, stem + recordio.NAMES)]
        wanted = [at for at, name in enumerate(listed) if name in names]
        if not wanted:
            continue
        head = store.head(key)
        if head is None:
            raise MissingObject("shard", store.uri(key), "not there", "a shard", "Convert again.")
        starts = [int(line.split("\t")[1]) for line in _lines(store, stem + recordio.OFFSETS)]
        for run in runs(wanted, [*starts, head.size_bytes]):
            body = store.get_range(key, run.start, run.stop - run.start, head.etag)
            for record in recordio.read_records(body, shard.key):
                if listed[record.number] in names:
                    yield listed[record.number], record.image


def runs(wanted: Sequence[int], bounds: Sequence[int]) -> list[Run]:
    """Return the ranges that hold the wanted records; record n ends where `bounds[n + 1]` begins."""
    found: list[Run] = []
    for at in wanted:
        start, stop = bounds[at], bounds[at + 1]
        last = found[-1] if found else None
        if last and start - last.stop <= GAP_BYTES and stop - last.start <= RUN_BYTES:
            found[-1] = Run(last.start, stop)
        else:
            found.append(Run(start, stop))
    return found


def _lines(store: ObjectStore, key: str) -> list[str]:
    return store.get(key).decode("ascii").splitlines()
