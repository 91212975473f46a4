"""A given split is taken as it is, or refused with the first ten of what is wrong."""

from __future__ import annotations

import pytest

from idc.converter.given_split import check_patients, parse_split
from idc.converter.split import SplitRow, write_csv
from idc.errors import ConfigurationError, LeakageError

GOOD = {"9": "train", "10": "validation", "11": "test"}


@pytest.mark.parametrize(
    "text",
    [
        "patient,split\n9,train\n10,validation\n11,test\n",
        "\ufeffpatient,split\r\n9,train\r\n10,validation\r\n11,test",
        "split,slides,patient\ntrain,1, 9 \nvalidation,2,10\ntest,3,11\ntest,4,11\n",
        '"patient","split"\n"9","train"\n"10","validation"\n"11","test"\n',
    ],
)
def test_a_table_in_any_usual_form(text: str) -> None:
    assert parse_split(text.encode(), "a.csv") == GOOD


def test_the_split_csv_of_a_dataset() -> None:
    rows = [SplitRow(patient, split, 3, 2, 1) for patient, split in GOOD.items()]
    assert parse_split(write_csv(rows), "split.csv") == GOOD


def table(count: int, split: str) -> bytes:
    return "\n".join(["patient,split", *(f"{patient},{split}" for patient in range(count))]).encode()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "0 lines with the columns none"),
        (b"patient,split\n", "0 lines"),
        (b"patient;split\n9;train\n", "the columns patient;split"),
        (b"patient,split\n,train\n", "1 .line 2: patient '', split 'train'"),
        (b"patient,split\n9\n", "patient '9', split ''"),
        (
            table(12, "val"),
            r"12 \(line 2: patient '0', split 'val', .*line 11: patient '9', split 'val', …\)",
        ),
        (b"\xff\xfe\x00", "no CSV"),
        (b'patient,split\n"9,train\n', "no CSV"),
    ],
)
def test_what_is_no_split_is_named(content: bytes, text: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"given split a\.csv: .*{text}"):
        parse_split(content, "a.csv")


def test_patients_in_two_splits_are_a_leak() -> None:
    content = table(12, "train") + b"\n" + table(12, "test").partition(b"\n")[2]
    with pytest.raises(LeakageError, match=r"12 \(0 in train and in test, .*9 in train and in test, …\)"):
        parse_split(content, "a.csv")


def test_patients_must_be_those_of_the_archive() -> None:
    check_patients(GOOD, ["11", "9", "10"], "a.csv")
    archive = [str(number) for number in range(9, 24)]
    with pytest.raises(ConfigurationError, match=r"not in it: 12 \(12, 13, .*21, …\), expected just the 15"):
        check_patients(GOOD, archive, "a.csv")
    with pytest.raises(ConfigurationError, match=r"not in the archive: 1 \(11\)"):
        check_patients(GOOD, ["9", "10"], "a.csv")
