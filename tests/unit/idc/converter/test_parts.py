"""A shard's report is read as it was written, and its task carries its own rows only."""

from __future__ import annotations

import pickle
from pathlib import Path

from archives import catalog_of, patients, write_zip

from idc.converter.conversion import Conversion, ConversionSettings
from idc.converter.entries import FileEntry, ShardEntry
from idc.converter.parts import Part, PartTask
from idc.converter.quality import Quality
from idc.converter.records.shards import plan_shards, reading_order
from idc.layout import SPLITS

KEY = "recordio/test/part-00003.rec"


def test_a_report() -> None:
    quality = Quality(patches_read=3, patches_used=2, padded=1, excluded=1)
    quality.sizes["50x42"] += 1
    quality.quarantine("a.png", "is cut short")
    files = [FileEntry(KEY, "a" * 64, 99), FileEntry("recordio/test/part-00003.idx", "b" * 64, 9)]
    part = Part("test", 3, 2, files, {"100": [1, 1]}, quality)
    assert Part.from_json(part.to_json()) == part
    assert part.shard == ShardEntry(KEY, "recordio", "test", "a" * 64, 99, 2)
    assert part.shard.number == 3


def test_a_task_is_small_and_reads_in_the_same_order(tmp_path: Path) -> None:
    catalog = catalog_of(write_zip(tmp_path / "a.zip", patients(40, 20)))
    sides = dict.fromkeys(catalog.patients, SPLITS[0])
    conversion = Conversion("s3://b/a", "s3://b/d", "d" * 64, "p", ConversionSettings())
    shards = plan_shards(catalog, sides, 1, 4096)
    whole = len(pickle.dumps(catalog))
    for shard in shards:
        task = PartTask.of(conversion, "etag", catalog, shard)
        ours = [task.catalog.patch(row) for row in reading_order(task.catalog, task.shard, 1)]
        assert ours == [catalog.patch(row) for row in reading_order(catalog, shard, 1)]
        assert [task.catalog.span(row) for row in task.shard.rows] == [
            catalog.span(row) for row in shard.rows
        ]
        assert len(pickle.dumps(task)) < whole / 4
