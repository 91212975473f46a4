"""Making one shard in every format: cut, uploaded, read back, and last the report that it is finished.

The reports are what a later attempt, or another instance, knows of the work: no memory is shared.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Dict, List, Mapping, Optional, Tuple

import numpy as np

from idc.converter import keys
from idc.converter.archive import Limits
from idc.converter.catalog import Catalog
from idc.converter.conversion import Conversion
from idc.converter.cutting import CutShard, cut_shard
from idc.converter.entries import FileEntry, ShardEntry
from idc.converter.errors import CorruptShard, SnapshotConflict
from idc.converter.formats import file_key
from idc.converter.quality import Quality
from idc.converter.ranges import ObjectRanges
from idc.converter.records import recordio
from idc.converter.records.shards import Shard
from idc.converter.storage import ObjectStore
from idc.converter.verification import DatasetReader, find_damaged, verify_shard


@dataclass(frozen=True)
class Part:
    """The report of one finished shard: its files, each patient's patches of class 0 and 1, and findings."""

    split: str
    number: int
    records: int
    files: List[FileEntry]
    counts: Dict[str, List[int]]
    quality: Quality

    def to_json(self) -> bytes:
        """Return the report."""
        content = {
            "split": self.split,
            "number": self.number,
            "records": self.records,
            "files": [asdict(entry) for entry in self.files],
            "counts": dict(sorted(self.counts.items())),
            "quality": self.quality.to_dict(),
        }
        return json.dumps(content).encode()

    @classmethod
    def from_json(cls, content: bytes) -> Part:
        """Read a report."""
        found = json.loads(content)
        files = [FileEntry(**entry) for entry in found["files"]]
        quality = Quality.from_dict(found["quality"])
        return cls(found["split"], found["number"], found["records"], files, found["counts"], quality)

    @property
    def shard(self) -> ShardEntry:
        """The shard's entry in the index; of no sense without records."""
        key = keys.shard(self.split, self.number) + recordio.RECORDS
        (entry,) = [entry for entry in self.files if entry.key == key]
        return ShardEntry(key, keys.RECORDIO, self.split, entry.sha256, entry.size_bytes, self.records)


@dataclass(frozen=True)
class PartTask:
    """All that it takes to make one shard, wherever: the shard's own rows of the catalog, not the others."""

    conversion: Conversion
    archive_etag: str
    catalog: Catalog
    shard: Shard

    @classmethod
    def of(cls, conversion: Conversion, archive_etag: str, catalog: Catalog, shard: Shard) -> PartTask:
        """Return the task of one shard of a plan."""
        own = replace(catalog, rows=catalog.rows[shard.rows], ends=catalog.ends[shard.rows])
        rows = np.arange(len(shard.rows), dtype=np.int64)
        return cls(conversion, archive_etag, own, replace(shard, rows=rows))


def part_key(conversion: Conversion, shard: Shard) -> str:
    """Return the key of a shard's report."""
    return keys.part(conversion.dataset_digest, shard.split, shard.number)


def find_part(store: ObjectStore, conversion: Conversion, shard: Shard) -> Optional[Part]:
    """Return the report of a finished shard, None if it is not."""
    content = store.find(part_key(conversion, shard))
    return None if content is None else Part.from_json(content)


def make_part(task: PartTask, store: ObjectStore, snapshots: ObjectStore) -> Tuple[Part, bool]:
    """Make a shard unless it is there and whole; return its report, and whether it was there.

    Raises:
        CorruptArchive, CorruptShard, SnapshotConflict, StorageError: there is no report of it.
    """
    conversion = task.conversion
    found = find_part(store, conversion, task.shard)
    if found is not None:
        with contextlib.suppress(CorruptShard):  # it is made again, and the report will be the same
            _verify(found, store, conversion)
            return found, True
    part = _write(_cut(task, snapshots, {}), task, store, is_mending=found is not None)
    damaged = _find_damaged(part, store, conversion)
    if damaged:  # their chunks have the right CRCs, their pixels are wrong: rare enough to begin again
        for entry in part.files:
            store.delete(keys.dataset_prefix(conversion.dataset_digest) + entry.key)
        part = _write(_cut(task, snapshots, damaged), task, store, is_mending=True)
        _verify(part, store, conversion)
    store.put(part_key(conversion, task.shard), part.to_json())
    return part, False


def _cut(task: PartTask, snapshots: ObjectStore, damaged: Mapping[str, str]) -> CutShard:
    """Cut the shard, without the patches known as damaged, out of the very archive that was planned from."""
    reader = ObjectRanges(snapshots, keys.archive(task.conversion.partition))
    if reader.etag != task.archive_etag:
        observed, action = "replaced while it was converted", "Convert again."
        raise SnapshotConflict("archive", reader.name, observed, f"ETag {task.archive_etag}", action)
    settings = task.conversion.settings
    return cut_shard(
        reader,
        task.catalog,
        task.shard,
        settings.seed,
        Limits(),
        raw_formats=settings.formats,
        edge_patches=settings.edge_patches,
        damaged=damaged,
    )


def _write(cut: CutShard, task: PartTask, store: ObjectStore, *, is_mending: bool) -> Part:
    """Upload the shard's files, each freed once it is sent; what is there already only to mend or rebuild."""
    shard, records = task.shard, len(cut.writer)
    prefix = keys.dataset_prefix(task.conversion.dataset_digest)
    put = store.put if is_mending or task.conversion.rebuild else store.put_missing
    entries = []
    for record_format in list(cut.writers) if records else []:
        files = cut.writers.pop(record_format).files()
        for name in list(files):
            key, body = file_key(record_format, shard.split, shard.number, name), files.pop(name)
            entries.append(FileEntry(key, put(prefix + key, body), len(body)))
    return Part(shard.split, shard.number, records, entries, cut.counts, cut.quality)


def _verify(part: Part, store: ObjectStore, conversion: Conversion) -> None:
    if part.records:
        reader = DatasetReader(store, conversion.dataset_digest, part.files)
        verify_shard(reader, part.shard, conversion.settings.formats)


def _find_damaged(part: Part, store: ObjectStore, conversion: Conversion) -> Dict[str, str]:
    if not part.records:
        return {}
    reader = DatasetReader(store, conversion.dataset_digest, part.files)
    return find_damaged(reader, part.shard, conversion.settings.formats)


def report_entry(conversion: Conversion, part: Part) -> FileEntry:
    """Return the index's entry of a report itself."""
    key = keys.part(conversion.dataset_digest, part.split, part.number)
    content = part.to_json()
    start = len(keys.dataset_prefix(conversion.dataset_digest))
    return FileEntry(key[start:], hashlib.sha256(content).hexdigest(), len(content))
