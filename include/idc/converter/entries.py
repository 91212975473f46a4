"""What the index says of a dataset's files and shards."""

from __future__ import annotations

from dataclasses import dataclass

from idc.converter.records import recordio


@dataclass(frozen=True)
class FileEntry:
    """One file of a dataset: its key below the dataset's prefix, its SHA-256 and its size."""

    key: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class ShardEntry:
    """One shard, present in every format; key, digest and size are those of its `.rec` file."""

    key: str
    format: str
    split: str
    sha256: str
    size_bytes: int
    records: int

    @property
    def number(self) -> int:
        """The shard's number within its split."""
        return int(self.key[: -len(recordio.RECORDS)].rpartition("-")[2])
