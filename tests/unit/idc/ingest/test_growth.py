"""A sample that grows: more patients every month, and nothing of the months before changes."""

from __future__ import annotations

import io
import itertools
import zipfile

import pytest

from idc.converter.patches import parse_member
from idc.errors import ConfigurationError
from idc.ingest.growth import of_partition
from idc.ingest.sources import SyntheticSource, open_source
from idc.storage import ObjectStore

SAMPLE = "synthetic://?patients=4&patches=60&seed=3&grows=2&since=2025-11"
NO_STORE = ObjectStore(None, "a-bucket")


def members(partition: str) -> dict[str, bytes]:
    """Return the files of the sample in a month, by name."""
    source = open_source(of_partition(SAMPLE, partition), NO_STORE)
    assert isinstance(source, SyntheticSource)
    with zipfile.ZipFile(io.BytesIO(b"".join(source.blocks()))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def patients(files: dict[str, bytes]) -> set[str]:
    return {parse_member(name)[0].patient for name in files}


def test_patients_arrive_and_those_who_are_there_keep_every_byte() -> None:
    months = [members(partition) for partition in ("2025-10", "2025-11", "2025-12", "2026-01")]

    assert [len(patients(files)) for files in months] == [4, 4, 6, 8]
    for before, after in itertools.pairwise(months):
        assert before.items() <= after.items()
    assert months[0] == months[1]


def test_the_address_of_a_month_is_that_of_one_archive() -> None:
    december = of_partition(SAMPLE, "2025-12")

    assert december == "synthetic://?patients=4&patches=60&seed=3&grows=2&months=1"
    assert of_partition(december, "2026-05") == december


@pytest.mark.parametrize("uri", ["synthetic://?patients=4&patches=60&seed=3", "s3://b/k?grows=1", "/a.zip"])
def test_what_does_not_grow_stays_as_it_is(uri: str) -> None:
    assert of_partition(uri, "not a month") == uri


@pytest.mark.parametrize(("uri", "partition"), [(SAMPLE, "week-7"), (SAMPLE + "0", "2026-01")])
def test_growth_is_by_the_month(uri: str, partition: str) -> None:
    with pytest.raises(ConfigurationError, match="expected a year and a month"):
        of_partition(uri, partition)
