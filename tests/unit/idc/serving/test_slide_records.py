from __future__ import annotations

from pathlib import Path

import pytest

from idc.evaluate.served_model import ServedModel
from idc.serving.endpoint import Scored
from idc.serving.models import Version
from idc.serving.slide_records import SlideRecords

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
