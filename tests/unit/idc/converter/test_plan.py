"""The plan finds patients who share an image and keeps them together; it is the same every time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from archives import member, patients, picture, write_zip

from idc.converter.archive import Limits
from idc.converter.conversion import ConversionSettings
from idc.converter.plan import Plan, make_plan
from idc.converter.ranges import FileRanges
from idc.errors import LeakageError


def plan_of(path: Path, **settings: int) -> Plan:
    return make_plan(FileRanges(path), ConversionSettings(**settings), Limits())


@pytest.mark.parametrize("seed", range(8))
def test_patients_with_an_identical_image_are_on_one_side(tmp_path: Path, seed: int) -> None:
    twin = picture(9, 9, 9)
    members = {**patients(12), member(103, 0, 50): twin, member(107, 1, 51): twin, member(111, 0, 52): twin}
    plan = plan_of(write_zip(tmp_path / "a.zip", members), seed=seed)
    assert plan.identical == [[member(103, 0, 50), member(107, 1, 51), member(111, 0, 52)]]
    assert plan.sides["103"] == plan.sides["107"] == plan.sides["111"]


def test_identical_images_of_one_patient_are_no_finding(tmp_path: Path) -> None:
    members = {**patients(6), member(100, 0, 50): picture(9, 9, 9), member(100, 1, 51): picture(9, 9, 9)}
    assert plan_of(write_zip(tmp_path / "a.zip", members)).identical == []


def test_too_many_linked_patients_leave_no_safe_split(tmp_path: Path) -> None:
    twins = {member(100 + patient, 0, 50): picture(9, 9, 9) for patient in range(5)}
    with pytest.raises(LeakageError):
        plan_of(write_zip(tmp_path / "a.zip", {**patients(5), **twins}))


def test_the_plan_is_the_same_every_time(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", patients(20, 10))
    first, second = plan_of(path, shard_bytes=2048), plan_of(path, shard_bytes=2048)
    assert first.sides == second.sides
    assert len(first.shards) == len(second.shards) > 3
    for one, other in zip(first.shards, second.shards, strict=True):
        assert (one.split, one.number) == (other.split, other.number)
        assert np.array_equal(one.rows, other.rows)
