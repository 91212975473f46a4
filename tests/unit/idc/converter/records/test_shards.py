"""Every patch is in one shard, shards are about as large as asked, and their order is mixed but fixed."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from archives import catalog_of, patients, write_zip

from idc.converter.catalog import Catalog
from idc.converter.records.shards import plan_shards, reading_order
from idc.layout import SPLITS


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return catalog_of(write_zip(tmp_path_factory.mktemp("shards") / "a.zip", patients(30, 20)))


@pytest.fixture(scope="module")
def sides(catalog: Catalog) -> dict[str, str]:
    return {patient: SPLITS[number % 3] for number, patient in enumerate(catalog.patients)}


@pytest.mark.parametrize("shard_bytes", [1024, 4096, 16_384, 1 << 25])
def test_every_patch_is_in_one_shard_of_its_side(
    catalog: Catalog, sides: dict[str, str], shard_bytes: int
) -> None:
    shards = plan_shards(catalog, sides, 1, shard_bytes)
    rows = np.concatenate([shard.rows for shard in shards])
    assert sorted(rows.tolist()) == list(range(len(catalog)))
    for shard in shards:
        assert {sides[catalog.patch(row).patient] for row in shard.rows} == {shard.split}
        assert (catalog.rows["size"][shard.rows].sum()) <= shard_bytes
    for split in SPLITS:
        numbers = [shard.number for shard in shards if shard.split == split]
        assert numbers == list(range(len(numbers)))


def test_a_patient_stays_whole_where_the_size_allows(catalog: Catalog, sides: dict[str, str]) -> None:
    shards = plan_shards(catalog, sides, 1, 16_384)
    homes: dict[str, set[tuple[str, int]]] = {}
    for shard in shards:
        for row in shard.rows.tolist():
            homes.setdefault(catalog.patch(row).patient, set()).add((shard.split, shard.number))
    assert all(len(home) == 1 for home in homes.values())
    assert len(shards) > 3


def test_the_reading_order_is_mixed_and_fixed(catalog: Catalog, sides: dict[str, str]) -> None:
    shard = plan_shards(catalog, sides, 1, 1 << 25)[0]
    order = reading_order(catalog, shard, 1)
    assert order == reading_order(catalog, shard, 1) != reading_order(catalog, shard, 2)
    assert sorted(order) == shard.rows.tolist() != order
    labels = [catalog.patch(row).label for row in order]
    assert 60 < sum(one != other for one, other in itertools.pairwise(labels)) < 140
    assert shard.key("recordio") == "recordio/train/part-00000"


def test_another_seed_packs_other_patients_together(catalog: Catalog, sides: dict[str, str]) -> None:
    first = {tuple(shard.rows.tolist()) for shard in plan_shards(catalog, sides, 1, 16_384)}
    assert first != {tuple(shard.rows.tolist()) for shard in plan_shards(catalog, sides, 2, 16_384)}


def test_an_order_does_not_depend_on_where_the_archive_has_it(tmp_path: Path) -> None:
    members = patients(3, 8)
    orders = []
    for number, names in enumerate([sorted(members), sorted(members, reverse=True)]):
        found = catalog_of(write_zip(tmp_path / f"{number}.zip", [(name, members[name]) for name in names]))
        (shard,) = plan_shards(found, dict.fromkeys(found.patients, "train"), 5, 1 << 25)
        orders.append([found.patch(row).name for row in reading_order(found, shard, 5)])
    assert orders[0] == orders[1]
