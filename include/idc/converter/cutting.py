"""Cutting one shard out of the archive: read, check, pad where needed, write in the planned order.

Nothing touches a disk: the archive comes by ranged reads, shards are built in memory and go to S3.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Dict, Iterator, List, Mapping, Sequence, Tuple

from idc.converter import keys
from idc.converter.archive import Limits, unpack
from idc.converter.catalog import Catalog, unreadable
from idc.converter.conversion import EXCLUDE, PAD
from idc.converter.formats import Writer, shard_writers
from idc.converter.images import PatchImage, PatchRefused, prepare
from idc.converter.quality import Quality
from idc.converter.ranges import RangeReader, read_spans
from idc.converter.records.shards import Shard, reading_order

NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class CutShard:
    """A shard in memory in every format, what was found, and each patient's patches of class 0 and 1."""

    writers: Dict[str, Writer]
    quality: Quality
    counts: Dict[str, List[int]]

    @property
    def writer(self) -> Writer:
        """The RecordIO form of the shard."""
        return self.writers[keys.RECORDIO]


def cut_shard(
    reader: RangeReader,
    catalog: Catalog,
    shard: Shard,
    seed: int,
    limits: Limits,
    *,
    raw_formats: Sequence[str] = (),
    edge_patches: str = PAD,
    damaged: Mapping[str, str] = NONE,
) -> CutShard:
    """Return the shard in every format; at most its images and what is made of them are in memory at once.

    `damaged` are names of patches whose pixels were found damaged, and how.

    Raises:
        CorruptArchive: a member's bytes are damaged.
    """
    quality = Quality()
    patches = dict(zip(shard.rows.tolist(), catalog.patches(shard.rows)))
    found_damaged = patches.items() if damaged else ()
    refused = {row: damaged[patch.name] for row, patch in found_damaged if patch.name in damaged}
    images = {
        row: image.encoded
        for row, image in _images(reader, catalog, shard.rows.tolist(), limits, refused, quality)
        if not image.is_padded or not _is_excluded(image, edge_patches, quality)
    }
    writers = shard_writers(shard.split, raw_formats)
    appends = [writer.append for writer in writers.values()]
    counts: Dict[str, List[int]] = {}
    for row in reading_order(catalog, shard, seed):
        if row in images:
            patch, image = patches[row], images.pop(row)
            label, name = patch.label, patch.name
            for append in appends:
                append(label, name, image)
            counts.setdefault(patch.patient, [0, 0])[label] += 1
    quality.patches_used = len(writers[keys.RECORDIO])
    return CutShard(writers, quality, counts)


def _is_excluded(image: PatchImage, edge_patches: str, quality: Quality) -> bool:
    """Count a patch that came smaller than the others; return whether it stays out."""
    quality.sizes[f"{image.width}x{image.height}"] += 1
    if edge_patches == EXCLUDE:
        quality.excluded += 1
        return True
    quality.padded += 1
    return False


def _images(
    reader: RangeReader,
    catalog: Catalog,
    rows: List[int],
    limits: Limits,
    refused: Dict[int, str],
    quality: Quality,
) -> Iterator[Tuple[int, PatchImage]]:
    """Yield (row, image) for every patch that may be used; the others are quarantined."""
    members = dict(zip(rows, catalog.members(rows)))
    unpackable = {row: unreadable(member, limits) for row, member in members.items()}
    refused = {**{row: reason for row, reason in unpackable.items() if reason}, **refused}
    readable = [row for row in rows if row not in refused]
    quality.patches_read += len(rows)
    for row, reason in refused.items():
        quality.quarantine(members[row].name, reason)
    for position, span in read_spans(reader, catalog.spans(readable)):
        row = readable[position]
        try:
            image = prepare(unpack(members[row], span))
        except PatchRefused as refusal:
            quality.quarantine(members[row].name, str(refusal))
            continue
        yield row, image
