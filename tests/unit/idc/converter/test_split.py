"""No patient on two sides, the classes alike on all of them, the same split for the same seed."""

from __future__ import annotations

import pytest
from archives import REAL_DATA, catalog_of
from hypothesis import given, strategies as st

from idc.converter.split import Shares, SplitRow, assign, check_leakage, read_csv, rows_of, write_csv
from idc.errors import ConfigurationError, LeakageError
from idc.layout import SPLITS

SHARES = Shares()
counts_of_patients = st.dictionaries(
    st.integers(1, 20_000).map(str),
    st.tuples(st.integers(1, 900), st.integers(1, 900)),
    min_size=3,
    max_size=60,
)


def alike(patients: int) -> dict[str, tuple[int, int]]:
    return {str(patient): (60 + patient % 7, 30 + patient % 5) for patient in range(patients)}


@given(counts=counts_of_patients, seed=st.integers(0, 2**31))
def test_every_patient_is_on_one_side_and_no_side_is_empty(
    counts: dict[str, tuple[int, int]], seed: int
) -> None:
    sides = assign(counts, SHARES, seed)
    assert set(sides) == set(counts)
    assert set(sides.values()) == set(SPLITS)
    check_leakage(rows_of(sides, counts))


@given(counts=counts_of_patients, seed=st.integers(0, 2**31), order=st.randoms())
def test_the_split_depends_on_nothing_but_patients_and_seed(
    counts: dict[str, tuple[int, int]], seed: int, order: object
) -> None:
    shuffled = list(counts.items())
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert assign(dict(shuffled), SHARES, seed) == assign(counts, SHARES, seed)


@given(data=st.data(), counts=counts_of_patients)
def test_linked_patients_stay_together(data: st.DataObject, counts: dict[str, tuple[int, int]]) -> None:
    pairs = st.lists(st.sampled_from(sorted(counts)), min_size=2, max_size=2, unique=True)
    together = data.draw(st.lists(pairs, max_size=4))
    sides = assign(counts, SHARES, 1, together)
    assert all(sides[first] == sides[second] for first, second in together)


def test_another_seed_is_another_split() -> None:
    counts = alike(60)
    assert len({tuple(sorted(assign(counts, SHARES, seed).items())) for seed in range(10)}) == 10


@pytest.mark.parametrize("seed", range(5))
def test_shares_and_classes_are_kept(seed: int) -> None:
    path = REAL_DATA / "idc-dev.zip"
    if not path.exists():
        pytest.skip("idc-dev.zip is not on this machine")
    counts = catalog_of(path).counts()
    rows = rows_of(assign(counts, SHARES, seed), counts)
    total, ones = sum(row.patches for row in rows), sum(row.class1 for row in rows)
    for split in SPLITS:
        own = [row for row in rows if row.split == split]
        patches = sum(row.patches for row in own)
        assert len(own) / len(rows) == pytest.approx(SHARES.of(split), abs=0.01)
        assert patches / total == pytest.approx(SHARES.of(split), abs=0.03)
        assert sum(row.class1 for row in own) / patches == pytest.approx(ones / total, abs=0.02)


def rows(*lines: tuple[str, str, int, int]) -> list[SplitRow]:
    return [SplitRow(patient, split, zero + one, zero, one) for patient, split, zero, one in lines]


GOOD = [("1", "train", 2, 1), ("2", "validation", 1, 1), ("3", "test", 1, 2)]


def test_a_patient_on_two_sides_is_leakage() -> None:
    with pytest.raises(LeakageError, match="patient 1: in train and in test"):
        check_leakage(rows(*GOOD, ("1", "test", 1, 1)))


def test_a_side_without_one_class_is_refused() -> None:
    with pytest.raises(LeakageError, match="split validation: 2 patients with 2 patches of class 0 and 0 of"):
        check_leakage(rows(GOOD[0], ("2", "validation", 1, 0), ("4", "validation", 1, 0), GOOD[2]))


def test_an_empty_side_is_refused() -> None:
    with pytest.raises(LeakageError, match="split test: 0 patients"):
        check_leakage(rows(*GOOD[:2]))


def test_identical_images_on_two_sides_are_leakage() -> None:
    check_leakage(rows(*GOOD))
    with pytest.raises(LeakageError, match="identical images"):
        check_leakage(rows(*GOOD), [["1", "3"]])


def test_the_table_is_read_as_it_was_written() -> None:
    table = rows_of({"10253": "test", "9": "train"}, {"9": (1, 2), "10253": (3, 4)})
    assert write_csv(table) == b"patient,split,patches,class0,class1\n9,train,3,1,2\n10253,test,7,3,4\n"
    assert read_csv(write_csv(table)) == table


@pytest.mark.parametrize("shares", [(0.7, 0.2, 0.2), (1, 0, 0), (0.5, 0.6, -0.1)])
def test_shares_that_are_none_are_refused(shares: tuple[float, float, float]) -> None:
    with pytest.raises(ConfigurationError, match="add up to 1"):
        Shares(*shares)
