"""Cutting one shard out of the archive: read, check, pad where needed, write in the planned order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Iterator, List, Tuple

from idc.dataset.archive import Limits, unpack
from idc.dataset.catalog import Catalog, unreadable
from idc.dataset.images import PatchRefused, prepare
from idc.dataset.quality import Quality
from idc.dataset.ranges import RangeReader, read_spans
from idc.records.recordio import RecordIOWriter
from idc.records.shards import Shard, reading_order


@dataclass(frozen=True)
class CutShard:
    """A shard's records in memory, what was found, and each patient's patches of class 0 and 1 in it."""

    writer: RecordIOWriter
    quality: Quality
    counts: Dict[str, List[int]]


def cut_shard(reader: RangeReader, catalog: Catalog, shard: Shard, seed: int, limits: Limits) -> CutShard:
    """Return the shard; at most its images and its records are in memory at once.

    Raises:
        CorruptArchive: a member's bytes are damaged.
    """
    quality = Quality()
    images = dict(_images(reader, catalog, shard.rows.tolist(), limits, quality))
    writer = RecordIOWriter()
    counts: Dict[str, List[int]] = {}
    for row in reading_order(catalog, shard, seed):
        if row in images:
            patch = catalog.patch(row)
            writer.append(patch.label, patch.name, images.pop(row))
            counts.setdefault(patch.patient, [0, 0])[patch.label] += 1
    quality.patches_used = len(writer)
    return CutShard(writer, quality, counts)


def _images(
    reader: RangeReader, catalog: Catalog, rows: List[int], limits: Limits, quality: Quality
) -> Iterator[Tuple[int, bytes]]:
    """Yield (row, image) for every patch that may be used; the others are quarantined."""
    members = {row: catalog.member(row) for row in rows}
    refused = {
        row: reason for row, member in members.items() for reason in [unreadable(member, limits)] if reason
    }
    readable = [row for row in rows if row not in refused]
    quality.patches_read += len(rows)
    for row, reason in refused.items():
        quality.quarantine(members[row].name, reason)
    for position, span in read_spans(reader, [catalog.span(row) for row in readable]):
        row = readable[position]
        try:
            image = prepare(unpack(members[row], span))
        except PatchRefused as refusal:
            quality.quarantine(members[row].name, str(refusal))
            continue
        if image.is_padded:
            quality.padded += 1
            quality.sizes[f"{image.width}x{image.height}"] += 1
        yield row, image.encoded
