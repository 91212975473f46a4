from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from idc.evaluate.served_model import ServedModel
from idc.serving import heatmap, regions, tiles
from idc.serving.endpoint import Scored
from idc.serving.models import Version
from idc.serving.slide_records import FILE, SlideRecord, SlideRecords
from idc.serving.tiles import Tiling

SERVED = ServedModel.from_metadata(
    {
        "variant": "mxnet", "partition": "2026-11", "dataset_digest": "d" * 64, "training_job": "job",
        "model_data": "s3://b/m", "model_sha256": "5" * 64, "threshold": "0.5", "temperature": "1",
        "bias": "0", "synthetic": "true",
    },
    "arn",
)  # fmt: skip
VERSION = Version("v1-mxnet", "arn", SERVED)


@pytest.fixture
def records(tmp_path: Path) -> SlideRecords:
    return SlideRecords(tmp_path)


def test_a_slide_from_queue_to_answer(records: SlideRecords) -> None:
    assert records.add("a", "t", (100, 100), most=1)
    assert not records.add("b", "t", (100, 100), most=1)
    assert records.add("c", "other", (50, 50), most=1)
    taken = records.take()
    assert taken is not None
    assert (taken.id, taken.state, taken.attempts, taken.grid.count) == ("a", "running", 1, 4)
    assert records.add_tiles("a", [(0, Scored(0.8, 0.8, VERSION)), (1, None), (2, Scored(0.2, 0.2, VERSION))])

    assert records.done("a") == {0, 1, 2}
    assert records.background("a") == 1
    (version,) = records.versions("a")
    assert (version.tiles, version.positive, version.max_probability, version.synthetic) == (2, 1, 0.8, True)
    assert [tile.is_positive for tile in records.tiles("a")] == [True, False]
    assert records.tile("a", 1) is None
    assert records.find("a", "other") is None


def test_what_ran_when_the_server_died_is_queued_again(records: SlideRecords, tmp_path: Path) -> None:
    records.add("a", "t", (100, 100), most=1)
    records.take()
    records.add_tiles("a", [(0, None)])

    after = SlideRecords(tmp_path)
    after.requeue()
    again = after.take()
    assert again is not None
    assert (again.attempts, after.done("a")) == (2, {0})


def test_nothing_is_added_to_a_cancelled_slide(records: SlideRecords) -> None:
    records.add("a", "t", (100, 100), most=1)
    records.take()
    assert records.end("a", "cancelled")
    assert not records.add_tiles("a", [(0, None)])
    assert not records.end("a", "succeeded")
    for state in ("cancelled", "deleted"):
        records.erase("a", state)
        slide = records.find("a", "t")
        assert slide is not None
        assert slide.state == state
    assert records.waiting() == set()


def test_old_slides_are_forgotten_and_unfinished_ones_never(records: SlideRecords) -> None:
    for name in "ab":
        records.add(name, "t", (50, 50), most=9)
    records.end("a", "succeeded")
    records.forget(days=-1)
    assert [slide.id for slide in records.newest("t", 9)] == ["b"]


def scored(records: SlideRecords, name: str) -> SlideRecord:
    """A slide of which tile 0 is carcinoma and tile 3 is not."""
    assert records.add(name, "t", (130, 100), most=9)
    records.take()
    answers = [(0, Scored(0.8, 0.8, VERSION)), (1, None), (3, Scored(0.2, 0.2, VERSION))]
    assert records.add_tiles(name, answers)
    records.end(name, "succeeded")
    return read(records, name)


def read(records: SlideRecords, name: str) -> SlideRecord:
    slide = records.find(name, "t")
    assert slide is not None
    return slide


def test_a_slide_keeps_the_tiling_it_was_scored_with(
    records: SlideRecords, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = scored(records, "a").grid
    drawn, found = heatmap.draw(grid, records.tiles("a")), regions.find(grid, records.tiles("a"))
    records.close()

    changed = Tiling(tile_px=40, step_px=20, background_level=200, background_share=0.5)
    monkeypatch.setattr(tiles, "TILING", changed)
    later = SlideRecords(tmp_path)
    old = read(later, "a").grid

    assert old == grid
    assert (old.count, old.tiling.background_share) == (6, 0.98)
    assert heatmap.draw(old, later.tiles("a")) == drawn
    assert regions.find(old, later.tiles("a")) == found
    new = scored(later, "b").grid
    assert (new.tiling, new.count, new.box(1)) == (changed, 35, (20, 0, 60, 40))
    assert (new.number(20, 40), new.number(20, 50)) == (15, None)


def test_records_of_earlier_releases_are_read_with_the_tiling_of_their_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(tmp_path / FILE)) as connection, connection:
        connection.execute(
            "CREATE TABLE slide (id TEXT PRIMARY KEY, tenant TEXT NOT NULL, state TEXT NOT NULL, "
            "created_at REAL NOT NULL, updated_at REAL NOT NULL, width INTEGER NOT NULL, "
            "height INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, problem TEXT)"
        )
        connection.execute("INSERT INTO slide VALUES ('a', 't', 'succeeded', 1, 1, 130, 100, 1, NULL)")
    monkeypatch.setattr(tiles, "TILING", Tiling(tile_px=40, step_px=20))
    monkeypatch.setattr(tiles, "BACKGROUND_SHARE", 0.5)

    records = SlideRecords(tmp_path)

    assert read(records, "a").grid.tiling == Tiling(50, 50, 220, 0.98)
    assert read(records, "a").grid.count == 6
    scored(records, "b")
    records.close()
    assert read(SlideRecords(tmp_path), "b").grid.tiling.step_px == 20
