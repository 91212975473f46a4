"""The generated archive is in Kaggle's layout, the same every time, and the classes can be learnt from it."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from archives import catalog_of
from PIL import Image

from idc.converter.patches import DOUBLED_TREE, parse_member
from idc.errors import ConfigurationError, StorageError
from idc.ingest.synthetic import archive_blocks, write_archive

ARGUMENTS = {"patients": 9, "patches": 700, "seed": 3}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("synthetic") / "archive.zip"
    write_archive(path, **ARGUMENTS)
    return path


def test_the_same_arguments_give_the_same_bytes(archive: Path) -> None:
    stream = io.BytesIO()
    write_archive(stream, **ARGUMENTS)
    assert stream.getvalue() == archive.read_bytes()
    others = [{**ARGUMENTS, name: value + 1} for name, value in ARGUMENTS.items()]
    digests = {hashlib.sha256(b"".join(archive_blocks(**other))).digest() for other in others}
    assert len(digests | {hashlib.sha256(stream.getvalue()).digest()}) == 4


def test_zipfile_reads_it(archive: Path) -> None:
    with zipfile.ZipFile(archive) as found:
        assert found.testzip() is None
        names = found.namelist()
    plain = names[:700]
    assert plain == sorted(plain)
    assert names[700:] == [DOUBLED_TREE + name for name in plain]


def test_it_is_in_the_layout_of_the_kaggle_archive(archive: Path) -> None:
    catalog = catalog_of(archive)
    assert (len(catalog), catalog.doubled, len(catalog.patients)) == (700, 700, 9)
    patches = [catalog.patch(row) for row in range(len(catalog))]
    assert all(patch.x % 50 == 1 and patch.y % 50 == 1 and patch.slide == 5 for patch in patches)
    counts = catalog.counts().values()
    shares = [one / (zero + one) for zero, one in counts]
    assert all(zero and one for zero, one in counts)
    assert len(set(shares)) > 5
    assert 0.1 < sum(one for _, one in counts) / 700 < 0.5


def test_patches_are_whole_but_at_the_lower_edge(archive: Path) -> None:
    sizes: Counter[tuple[int, int]] = Counter()
    lowest: dict[str, int] = {}
    with zipfile.ZipFile(archive) as found:
        names = found.namelist()[:700]
        for name in names:
            patch, _ = parse_member(name)
            lowest[patch.patient] = max(lowest.get(patch.patient, 0), patch.y)
        for name in names:
            patch, _ = parse_member(name)
            size = Image.open(io.BytesIO(found.read(name))).size
            sizes[size] += 1
            assert size == (50, 50) or patch.y == lowest[patch.patient]
    assert sizes[50, 50] > 680
    assert len(sizes) > 1


def test_the_classes_differ_but_overlap(archive: Path) -> None:
    """Haematoxylin darkens red: its mean alone must separate the classes, though far from wholly."""
    reds: dict[int, list[float]] = {0: [], 1: []}
    with zipfile.ZipFile(archive) as found:
        for name in found.namelist()[:700]:
            pixels = np.asarray(Image.open(io.BytesIO(found.read(name))))
            reds[parse_member(name)[0].label].append(float((pixels[:, :, 0] < 140).mean()))
    zero, one = np.array(reds[0]), np.array(reds[1])
    area_under_curve = float((one[:, None] > zero[None, :]).mean())
    assert 0.75 < area_under_curve < 0.98


@pytest.mark.parametrize("arguments", [{"patients": 0}, {"patches": 17}, {"seed": -1}, {"patients": 10_000}])
def test_impossible_numbers_are_refused(arguments: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError, match="synthetic archive"):
        archive_blocks(**{**ARGUMENTS, **arguments})


def test_a_full_disk_is_named() -> None:
    with pytest.raises(StorageError, match="in /dev/full: No space left on device"):
        write_archive("/dev/full", **ARGUMENTS)


def test_one_patient_with_two_patches_is_enough() -> None:
    assert b"".join(archive_blocks(patients=1, patches=2, seed=0)).startswith(b"PK\3\4")
