"""Building a dataset from its plan: this instance's shards, then, by whoever sees all of them, the index."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Callable, Dict, List, Optional, Sequence

from idc.converter import keys
from idc.converter.channels import channel_files
from idc.converter.cluster import Cluster
from idc.converter.conversion import Conversion
from idc.converter.entries import FileEntry
from idc.converter.index import DatasetIndex, SplitSummary, publish
from idc.converter.manifest import Manifest
from idc.converter.parts import Part, PartTask, find_part, part_key, report_entry
from idc.converter.plan import Plan
from idc.converter.quality import Quality
from idc.converter.split import SplitRow, check_leakage, rows_of, write_csv
from idc.converter.storage import Buffer
from idc.converter.verification import DatasetReader
from idc.converter.workers import make_parts, stores_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Report = Callable[..., None]


class DatasetBuilder:
    """A dataset under way: its plan, and what this instance has finished of it."""

    def __init__(
        self,
        conversion: Conversion,
        manifest: Manifest,
        plan: Plan,
        client: S3Client,
        cluster: Cluster,
        report: Report,
    ) -> None:
        """Build what `plan` says of the snapshot of `manifest`."""
        self._conversion, self._manifest, self._plan = conversion, manifest, plan
        self._client, self._cluster, self._report = client, cluster, report
        self._store = stores_of(conversion, client)[0]
        self._prefix = keys.dataset_prefix(conversion.dataset_digest)
        self._parts: Dict[str, Part] = {}

    def build(self, archive_etag: str, processes: int) -> Optional[DatasetIndex]:
        """Make this instance's shards; publish the index if no other instance has any left to make.

        Raises:
            TooManyQuarantined: too many patches had to be refused.
            CorruptArchive, CorruptShard, DatasetConflict, StorageError: nothing was published.
        """
        self._make_own(archive_etag, processes)
        missing = self._find_others()
        if missing:
            self._report("handed over", dataset_digest=self._conversion.dataset_digest, shards_left=missing)
            return None
        parts = [self._parts[part_key(self._conversion, shard)] for shard in self._plan.shards]
        return self._publish(parts)

    def _make_own(self, archive_etag: str, processes: int) -> None:
        """Make the shards that fall to this instance."""
        conversion, catalog, shards = self._conversion, self._plan.catalog, self._plan.shards
        sizes = [int(catalog.rows["compressed"][shard.rows].sum()) for shard in shards]
        own = [shards[position] for position in self._cluster.own(sizes)]
        tasks = [PartTask.of(conversion, archive_etag, catalog, shard) for shard in own]
        patches = sum(len(shard.rows) for shard in own)
        started, found = time.monotonic(), Quality()
        for number, (part, is_reused) in enumerate(make_parts(tasks, self._client, processes), start=1):
            found.add(part.quality)
            found.check(len(catalog), conversion.settings.quarantine_limit)
            key = keys.shard(part.split, part.number)
            self._parts[keys.part(conversion.dataset_digest, part.split, part.number)] = part
            self._report(
                "shard found" if is_reused else "shard",
                shard=key,
                number=f"{number} of {len(own)}",
                records=part.records,
                patches=f"{found.patches_read} of {patches}",
                patches_per_second=round(found.patches_read / (time.monotonic() - started)),
            )

    def _find_others(self) -> int:
        """Take in what other instances have finished; return how many shards nobody has.

        Of two instances that finish at once at least one sees every report, since each looks after writing
        its own and S3 shows at once what was written: nobody has to wait.
        """
        there = set(self._store.keys(keys.parts_prefix(self._conversion.dataset_digest)))
        others = [
            shard for shard in self._plan.shards if part_key(self._conversion, shard) not in self._parts
        ]
        missing = sum(part_key(self._conversion, shard) not in there for shard in others)
        for shard in others if not missing else ():
            part = find_part(self._store, self._conversion, shard)
            if part is None:
                missing += 1
            else:
                self._parts[part_key(self._conversion, shard)] = part
        return missing

    def _publish(self, parts: Sequence[Part]) -> DatasetIndex:
        """Write what tells of the whole dataset, the index last.

        Raises:
            TooManyQuarantined, LeakageError, DatasetConflict: it is not published.
        """
        conversion, settings = self._conversion, self._conversion.settings
        quality = Quality(identical=self._plan.identical)
        for part in parts:
            quality.add(part.quality)
        quality.check(len(self._plan.catalog), settings.quarantine_limit)
        rows = _rows(self._plan, parts)
        check_leakage(rows)
        shards = [part.shard for part in parts if part.records]
        files = [entry for part in parts for entry in (*part.files, report_entry(conversion, part))]
        index = DatasetIndex(
            dataset_digest=conversion.dataset_digest,
            partition=conversion.partition,
            snapshot_sha256=self._manifest.sha256,
            synthetic=self._manifest.synthetic,
            seed=settings.seed,
            shares=settings.shares,
            splits={split: _summary(rows, split) for split in keys.SPLITS},
            quarantined=quality.quarantined_count,
            padded=quality.padded,
            shards=shards,
            excluded=quality.excluded,
            edge_patches=settings.edge_patches,
            split_sha256=settings.split_sha256,
            raw_formats=settings.formats,
            files=files,
        )
        reader = DatasetReader(self._store, conversion.dataset_digest, files)
        for key, content in channel_files(self._store, reader, index).items():
            files.append(self._put(key, content))
        files.append(
            self._put(keys.split_table(conversion.dataset_digest)[len(self._prefix) :], write_csv(rows))
        )
        files.append(
            self._put(keys.quality(conversion.dataset_digest)[len(self._prefix) :], quality.to_json())
        )
        outcome = "published" if publish(self._store, index) else "adopted"
        patches = {split: summary.patches for split, summary in index.splits.items()}
        self._report(outcome, dataset_digest=index.dataset_digest, shards=len(shards), patches=patches)
        return index

    def _put(self, key: str, content: Buffer) -> FileEntry:
        put = self._store.put if self._conversion.rebuild else self._store.put_missing
        return FileEntry(key, put(self._prefix + key, content), len(content))


def _rows(plan: Plan, parts: Sequence[Part]) -> List[SplitRow]:
    """Return the table of the split as it came out."""
    counts: Dict[str, List[int]] = {patient: [0, 0] for patient in plan.sides}
    for part in parts:
        for patient, found in part.counts.items():
            counts[patient] = [a + b for a, b in zip(counts[patient], found)]
    return rows_of(plan.sides, {patient: (zero, one) for patient, (zero, one) in counts.items()})


def _summary(rows: Sequence[SplitRow], split: str) -> SplitSummary:
    own = [row for row in rows if row.split == split]
    classes = {"0": sum(row.class0 for row in own), "1": sum(row.class1 for row in own)}
    return SplitSummary(len(own), sum(classes.values()), classes)
