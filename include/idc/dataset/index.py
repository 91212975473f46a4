"""The index of a dataset: its shards with their hashes, written last: without it there is no dataset."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Dict, List, Optional

from idc import layout
from idc.dataset.split import Shares
from idc.dataset.storage import ObjectStore
from idc.errors import DatasetConflict, MissingObject
from idc.records import recordio


@dataclass(frozen=True)
class ShardEntry:
    """One published shard; the digest and size are those of its records file."""

    key: str
    format: str
    split: str
    sha256: str
    size_bytes: int
    records: int


@dataclass(frozen=True)
class SplitSummary:
    """How much one side of the split holds; `classes` is keyed by "0" and "1"."""

    patients: int
    patches: int
    classes: Dict[str, int]


@dataclass(frozen=True)
class DatasetIndex:
    """index.json."""

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

    def to_json(self) -> bytes:
        """Return index.json."""
        content: Dict[str, Any] = {
            "format_version": 1,
            "dataset_digest": self.dataset_digest,
            "snapshot": {"partition": self.partition, "sha256": self.snapshot_sha256},
            "synthetic": self.synthetic,
            "seed": self.seed,
            "shares": asdict(self.shares),
            "splits": {split: asdict(summary) for split, summary in self.splits.items()},
            "quarantined": self.quarantined,
            "padded": self.padded,
            "shards": [asdict(shard) for shard in self.shards],
        }
        return json.dumps(content, indent=1).encode()

    @classmethod
    def from_json(cls, content: bytes) -> DatasetIndex:
        """Read index.json."""
        found = json.loads(content)
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
        )


def find_index(store: ObjectStore, dataset_digest: str) -> Optional[DatasetIndex]:
    """Return a dataset's index, None if the dataset does not exist."""
    content = store.find(layout.index(dataset_digest))
    return None if content is None else DatasetIndex.from_json(content)


def publish(store: ObjectStore, index: DatasetIndex) -> bool:
    """Write the index unless there is one; return whether this run wrote it.

    Raises:
        DatasetConflict: there is one with other shards.
    """
    if store.put_new(layout.index(index.dataset_digest), index.to_json()):
        return True
    other = find_index(store, index.dataset_digest)
    if other is None or other.shards != index.shards:
        uri = store.uri(layout.dataset_prefix(index.dataset_digest))
        action = "Find out which code wrote it; delete its index.json to write it anew."
        raise DatasetConflict("dataset", uri, "other shards under the same digest", "equal shards", action)
    return False


def verify_dataset(store: ObjectStore, index: DatasetIndex) -> None:
    """Read every shard back and check it.

    Raises:
        CorruptShard: names the first shard that is not what the index says.
    """
    for entry in index.shards:
        verify_shard(store, index.dataset_digest, entry)


def verify_shard(store: ObjectStore, dataset_digest: str, entry: ShardEntry) -> None:
    """Read a shard back and check hash, size, records and labels.

    Raises:
        CorruptShard: names the shard and what differs.
    """
    stem = layout.dataset_prefix(dataset_digest) + entry.key[: -len(recordio.RECORDS)]
    try:
        files = {suffix: store.get(stem + suffix) for suffix in recordio.SUFFIXES}
    except MissingObject as error:
        raise recordio.corrupt(entry.key, str(error), "its three files") from error
    content = files[recordio.RECORDS]
    observed = f"{len(content)} bytes with SHA-256 {hashlib.sha256(content).hexdigest()}"
    expected = f"{entry.size_bytes} bytes with SHA-256 {entry.sha256}"
    if observed != expected:
        raise recordio.corrupt(entry.key, observed, expected)
    recordio.verify(files, entry.key, entry.records)
