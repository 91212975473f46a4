"""A dataset's digest covers the converter, and nothing but the converter."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from idc.jobs import source

PACKAGE = source.LIBRARY


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the library, which a test may change."""
    copy = tmp_path / "idc"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(source, "LIBRARY", copy)
    return copy


def change(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"# One more comment.\n")


def test_a_change_outside_the_converter_changes_no_digest(library: Path) -> None:
    before = source.converter_source().digest
    others = [path for path in library.rglob("*.*") if library / "converter" not in path.parents]
    assert {"errors.py", "layout.py", "storage.py", "settings.py"} <= {path.name for path in others}

    for path in others:
        change(path)
    (library / "ingest/one_more.py").touch()

    assert source.converter_source().digest == before


def test_a_change_of_any_file_of_the_converter_changes_the_digest(library: Path) -> None:
    digests = [source.converter_source().digest]

    for path in sorted((library / "converter").rglob("*.py")):
        change(path)
        digests.append(source.converter_source().digest)

    assert len(set(digests)) == len(digests) > 30
