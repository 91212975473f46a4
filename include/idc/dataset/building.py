"""Building a dataset from its plan: shard after shard cut, written and read back, then the index."""

from __future__ import annotations

import time
from typing import Callable, Dict, List, Sequence

from idc import layout
from idc.dataset.archive import Limits
from idc.dataset.conversion import Conversion
from idc.dataset.cutting import CutShard, cut_shard
from idc.dataset.index import DatasetIndex, ShardEntry, SplitSummary, publish, verify_shard
from idc.dataset.manifest import Manifest
from idc.dataset.plan import Plan
from idc.dataset.quality import Quality
from idc.dataset.ranges import RangeReader
from idc.dataset.split import SplitRow, check_leakage, rows_of, write_csv
from idc.dataset.storage import ObjectStore
from idc.records import recordio
from idc.records.shards import Shard

Report = Callable[..., None]


class DatasetBuilder:
    """A dataset under way: its plan, and what has been written of it."""

    def __init__(
        self, conversion: Conversion, manifest: Manifest, plan: Plan, store: ObjectStore, report: Report
    ) -> None:
        """Build into `store` what `plan` says of the snapshot of `manifest`."""
        self._conversion, self._manifest, self._plan = conversion, manifest, plan
        self._store, self._report = store, report
        self._prefix = layout.dataset_prefix(conversion.dataset_digest)
        self._quality = Quality(identical=plan.identical)
        self._counts: Dict[str, List[int]] = {patient: [0, 0] for patient in plan.sides}
        self._entries: List[ShardEntry] = []

    def build(self, reader: RangeReader) -> DatasetIndex:
        """Cut, write and verify every shard, then publish the index.

        Raises:
            TooManyQuarantined: too many patches had to be refused.
            CorruptArchive, CorruptShard, DatasetConflict, StorageError: nothing was published.
        """
        settings, catalog = self._conversion.settings, self._plan.catalog
        started = time.monotonic()
        for number, shard in enumerate(self._plan.shards, start=1):
            cut = cut_shard(reader, catalog, shard, settings.seed, Limits())
            records = len(cut.writer)
            self._quality.add(cut.quality)
            self._quality.check(len(catalog), settings.quarantine_limit)
            if records:
                self._write(shard, cut)
            self._report(
                "shard",
                shard=shard.key(layout.RECORDIO),
                number=f"{number} of {len(self._plan.shards)}",
                records=records,
                patches=f"{self._quality.patches_read} of {len(catalog)}",
                patches_per_second=round(self._quality.patches_read / (time.monotonic() - started)),
            )
        return self._publish()

    def _write(self, shard: Shard, cut: CutShard) -> None:
        """Upload a shard, read it back, and take its numbers in."""
        key, records = shard.key(layout.RECORDIO), len(cut.writer)
        for patient, counts in cut.counts.items():
            self._counts[patient] = [a + b for a, b in zip(self._counts[patient], counts)]
        files = cut.writer.files()
        digests = {end: self._store.put_missing(self._prefix + key + end, files[end]) for end in files}
        entry = ShardEntry(
            key=key + recordio.RECORDS,
            format=layout.RECORDIO,
            split=shard.split,
            sha256=digests[recordio.RECORDS],
            size_bytes=len(files[recordio.RECORDS]),
            records=records,
        )
        files.clear()  # the memory is needed to read the shard back
        verify_shard(self._store, self._conversion.dataset_digest, entry)
        self._entries.append(entry)

    def _publish(self) -> DatasetIndex:
        rows = rows_of(self._plan.sides, {patient: (a, b) for patient, (a, b) in self._counts.items()})
        check_leakage(rows)
        conversion = self._conversion
        self._store.put(layout.split_table(conversion.dataset_digest), write_csv(rows))
        self._store.put(layout.quality(conversion.dataset_digest), self._quality.to_json())
        index = DatasetIndex(
            dataset_digest=conversion.dataset_digest,
            partition=conversion.partition,
            snapshot_sha256=self._manifest.sha256,
            synthetic=self._manifest.synthetic,
            seed=conversion.settings.seed,
            shares=conversion.settings.shares,
            splits={split: _summary(rows, split) for split in layout.SPLITS},
            quarantined=self._quality.quarantined_count,
            padded=self._quality.padded,
            shards=self._entries,
        )
        outcome = "published" if publish(self._store, index) else "adopted"
        patches = {split: summary.patches for split, summary in index.splits.items()}
        self._report(outcome, dataset_digest=index.dataset_digest, shards=len(index.shards), patches=patches)
        return index


def _summary(rows: Sequence[SplitRow], split: str) -> SplitSummary:
    own = [row for row in rows if row.split == split]
    classes = {"0": sum(row.class0 for row in own), "1": sum(row.class1 for row in own)}
    return SplitSummary(len(own), sum(classes.values()), classes)
