"""The index of a dataset: every file with its hash, written last: without it there is no dataset."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Dict, List, Optional, Tuple

from idc.converter import keys
from idc.converter.channels import channel_files
from idc.converter.entries import FileEntry, ShardEntry
from idc.converter.errors import CorruptShard, DatasetConflict
from idc.converter.split import Shares, check_leakage, read_csv
from idc.converter.storage import ObjectStore
from idc.converter.verification import DatasetReader, corrupt, verify_shard

FORMAT_VERSION = 2


@dataclass(frozen=True)
class SplitSummary:
    """How much one side of the split holds; `classes` is keyed by "0" and "1"."""

    patients: int
    patches: int
    classes: Dict[str, int]


@dataclass(frozen=True)
class DatasetIndex:
    """index.json; `shards` are named by their RecordIO form, `files` are all there are in any format."""

    dataset_digest: str
    partition: str
    snapshot_sha256: str
    synthetic: bool
    seed: int
    shares: Shares
    splits: Dict[str, SplitSummary]
    quarantined: int
    padded: int
    shards: List[ShardEntry]
    excluded: int = 0
    edge_patches: str = "pad"
    split_sha256: str = ""
    raw_formats: Tuple[str, ...] = ()
    files: List[FileEntry] = field(default_factory=list)

    def to_json(self) -> bytes:
        """Return index.json."""
        content: Dict[str, Any] = {
            "format_version": FORMAT_VERSION,
            "dataset_digest": self.dataset_digest,
            "snapshot": {"partition": self.partition, "sha256": self.snapshot_sha256},
            "synthetic": self.synthetic,
            "seed": self.seed,
            "shares": asdict(self.shares),
            "given_split": self.split_sha256 or None,
            "splits": {split: asdict(summary) for split, summary in self.splits.items()},
            "quarantined": self.quarantined,
            "edge_patches": self.edge_patches,
            "padded": self.padded,
            "excluded": self.excluded,
            "formats": [*keys.FORMATS, *self.raw_formats],
            "shards": [asdict(shard) for shard in self.shards],
            "files": [asdict(entry) for entry in self.files],
        }
        return json.dumps(content, indent=1).encode()

    @classmethod
    def from_json(cls, content: bytes) -> DatasetIndex:
        """Read index.json.

        Raises:
            CorruptShard: another version of this library wrote it.
        """
        found = json.loads(content)
        if found["format_version"] != FORMAT_VERSION:
            observed = f"format version {found['format_version']}"
            action = "Run idc_convert for the partition again."
            raise CorruptShard("dataset", found["dataset_digest"], observed, FORMAT_VERSION, action)
        return cls(
            dataset_digest=found["dataset_digest"],
            partition=found["snapshot"]["partition"],
            snapshot_sha256=found["snapshot"]["sha256"],
            synthetic=found["synthetic"],
            seed=found["seed"],
            shares=Shares(**found["shares"]),
            splits={split: SplitSummary(**summary) for split, summary in found["splits"].items()},
            quarantined=found["quarantined"],
            padded=found["padded"],
            shards=[ShardEntry(**shard) for shard in found["shards"]],
            excluded=found["excluded"],
            edge_patches=found["edge_patches"],
            split_sha256=found["given_split"] or "",
            raw_formats=tuple(name for name in found["formats"] if name in keys.RAW_FORMATS),
            files=[FileEntry(**entry) for entry in found["files"]],
        )

    @property
    def size_bytes(self) -> int:
        """The bytes of all files but the index."""
        return sum(entry.size_bytes for entry in self.files)


def find_index(store: ObjectStore, dataset_digest: str) -> Optional[DatasetIndex]:
    """Return a dataset's index, None if the dataset does not exist."""
    content = store.find(keys.index(dataset_digest))
    return None if content is None else DatasetIndex.from_json(content)


def publish(store: ObjectStore, index: DatasetIndex) -> bool:
    """Write the index unless there is one; return whether this run wrote it.

    Raises:
        DatasetConflict: there is one of other files.
    """
    if store.put_new(keys.index(index.dataset_digest), index.to_json()):
        return True
    other = find_index(store, index.dataset_digest)
    if other != index:
        uri = store.uri(keys.dataset_prefix(index.dataset_digest))
        action = "Find out which code wrote it, then run idc_convert with `rebuild`."
        raise DatasetConflict("dataset", uri, "other files under the same digest", "equal files", action)
    return False


def verify_dataset(store: ObjectStore, index: DatasetIndex) -> None:
    """Read every file of the index back: hashes, counts, labels, images, and that all formats are equal.

    Raises:
        CorruptShard: names the first file that is not what the index says.
    """
    reader = DatasetReader(store, index.dataset_digest, index.files)
    for shard in index.shards:
        verify_shard(reader, shard, index.raw_formats)
    seen = {shard.key[: shard.key.rfind(".")].partition("/")[2] for shard in index.shards}
    images = tuple(f"{keys.IMAGE}/{split}/" for split in keys.SPLITS)
    for entry in index.files:
        is_seen = entry.key.rpartition(".")[0].partition("/")[2] in seen or entry.key.startswith(images)
        if not is_seen or entry.key.startswith("parts/"):
            reader.read(entry.key)
    for key, content in channel_files(store, reader, index).items():
        if reader.read(key) != content:
            raise corrupt(key, "a list of other files", "the shards and images of the index")
    _verify_split(reader, index)


def _verify_split(reader: DatasetReader, index: DatasetIndex) -> None:
    """Check that the table of the split adds up to the index and its shards, and is safe to measure with."""
    key = keys.split_table(index.dataset_digest)[len(keys.dataset_prefix(index.dataset_digest)) :]
    rows = read_csv(reader.read(key))
    check_leakage(rows)
    for split, summary in index.splits.items():
        own = [row for row in rows if row.split == split]
        records = sum(shard.records for shard in index.shards if shard.split == split)
        observed = (len(own), sum(row.patches for row in own), records)
        if observed != (summary.patients, summary.patches, summary.patches):
            shown = "{} patients, {} patches, {} records".format
            expected = shown(summary.patients, summary.patches, summary.patches)
            raise corrupt(key, f"{split}: {shown(*observed)}", expected)
