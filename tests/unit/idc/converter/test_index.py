"""Index and manifest are read as they were written, and look as documented."""

from __future__ import annotations

import json

import pytest

from idc.converter.catalog import Refused
from idc.converter.entries import FileEntry, ShardEntry
from idc.converter.index import DatasetIndex, SplitSummary
from idc.converter.manifest import Manifest
from idc.converter.split import Shares
from idc.errors import CorruptShard

INDEX = DatasetIndex(
    dataset_digest="d" * 64,
    partition="2026-11",
    snapshot_sha256="5" * 64,
    synthetic=True,
    seed=7,
    shares=Shares(),
    splits={"train": SplitSummary(2, 10, {"0": 7, "1": 3})},
    quarantined=1,
    padded=2,
    shards=[ShardEntry("recordio/train/part-00000.rec", "recordio", "train", "a" * 64, 1234, 10)],
    raw_formats=("image",),
    files=[FileEntry("split.csv", "b" * 64, 12)],
)
MANIFEST = Manifest(
    "2026-11", "s3://b/a.zip", False, "5" * 64, 99, 2, {"0": 7, "1": 3}, 4, 1, [Refused("a", "b")]
)


def test_the_index() -> None:
    assert DatasetIndex.from_json(INDEX.to_json()) == INDEX
    content = json.loads(INDEX.to_json())
    assert content["snapshot"] == {"partition": "2026-11", "sha256": "5" * 64}
    assert content["shares"] == {"train": 0.7, "validation": 0.15, "test": 0.15}
    assert content["splits"] == {"train": {"patients": 2, "patches": 10, "classes": {"0": 7, "1": 3}}}
    assert content["shards"][0]["key"] == "recordio/train/part-00000.rec"
    assert content["format_version"] == 2
    assert content["formats"] == ["recordio", "tfrecord", "payload", "image"]
    assert content["given_split"] is None
    assert content["files"] == [{"key": "split.csv", "sha256": "b" * 64, "size_bytes": 12}]
    assert INDEX.size_bytes == 12


def test_an_index_of_another_version_is_not_read() -> None:
    content = INDEX.to_json().replace(b'"format_version": 2', b'"format_version": 1')
    with pytest.raises(CorruptShard, match="format version 1, expected 2"):
        DatasetIndex.from_json(content)


def test_the_manifest() -> None:
    assert Manifest.from_json(MANIFEST.to_json()) == MANIFEST
    content = json.loads(MANIFEST.to_json())
    assert content["archive"] == {"sha256": "5" * 64, "size_bytes": 99}
    assert content["patches"] == {"0": 7, "1": 3}
    assert content["refused"] == {"count": 1, "members": [{"member": "a", "reason": "b"}]}
    assert content["format_version"] == 1
