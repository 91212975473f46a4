from __future__ import annotations

import itertools

from embedded_aws.jobs.input_sources import Share, Source
from embedded_aws.s3.transfer import Location

ENTRIES = list("abcdefg")


def source(is_sharded: bool = False, seed: int | None = None) -> Source:
    return Source(Location("b", "k"), is_sharded=is_sharded, seed=seed)


def test_everyone_gets_everything_in_order() -> None:
    assert source().of_epoch(ENTRIES, 3, Share(1, 2)) == ENTRIES


def test_shards_are_disjoint_and_complete() -> None:
    for count in (1, 2, 3, 9):
        shares = [source(is_sharded=True).of_epoch(ENTRIES, 0, Share(n, count)) for n in range(count)]
        assert sorted(itertools.chain(*shares)) == ENTRIES
        assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_shuffling_depends_on_seed_and_epoch_alone() -> None:
    orders = [source(seed=seed).of_epoch(ENTRIES, epoch, Share()) for seed in (1, 2) for epoch in (0, 1)]
    assert len({tuple(order) for order in orders}) == 4
    assert all(sorted(order) == ENTRIES for order in orders)
    assert orders[0] == source(seed=1).of_epoch(ENTRIES, 0, Share())


def test_shuffled_shards_are_still_disjoint_and_complete() -> None:
    for epoch in range(5):
        parts = [source(is_sharded=True, seed=5).of_epoch(ENTRIES, epoch, Share(n, 2)) for n in range(2)]
        assert sorted(parts[0] + parts[1]) == ENTRIES
