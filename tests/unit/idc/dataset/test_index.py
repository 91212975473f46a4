"""Index and manifest are read as they were written, and look as documented."""

from __future__ import annotations

import json

from idc.dataset.catalog import Refused
from idc.dataset.index import DatasetIndex, ShardEntry, SplitSummary
from idc.dataset.manifest import Manifest
from idc.dataset.split import Shares

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
    assert content["format_version"] == 1


def test_the_manifest() -> None:
    assert Manifest.from_json(MANIFEST.to_json()) == MANIFEST
    content = json.loads(MANIFEST.to_json())
    assert content["archive"] == {"sha256": "5" * 64, "size_bytes": 99}
    assert content["patches"] == {"0": 7, "1": 3}
    assert content["refused"] == {"count": 1, "members": [{"member": "a", "reason": "b"}]}
    assert content["format_version"] == 1
