from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from stack.errors import DemoFailed
from stack.partition import GENERATED, Archive, choose, find_archive, find_split

TODAY = date(2026, 2, 14)


def snapshot(source: str, sha256: str = "0" * 64) -> dict[str, Any]:
    return {"source": source, "archive": {"sha256": sha256}}


def test_a_file_is_known_by_its_bytes_and_its_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.zip").write_bytes(b"zip")
    monkeypatch.chdir(tmp_path)

    assert find_archive("a.zip") == Archive(str(tmp_path / "a.zip"), hashlib.sha256(b"zip").hexdigest())


def test_without_an_archive_a_sample_is_generated() -> None:
    assert find_archive(None) == Archive(GENERATED)
    assert GENERATED.startswith("synthetic://?")


def test_addresses_pass_as_they_are() -> None:
    assert find_archive("s3://bucket/a.zip") == Archive("s3://bucket/a.zip")


def test_a_missing_file_is_an_error() -> None:
    with pytest.raises(DemoFailed, match=r"archive nowhere\.zip: no such file"):
        find_archive("nowhere.zip")


def test_a_given_split_is_named_so_that_airflow_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "split.csv").write_text("patient,split\n")

    assert find_split("split.csv") == str(tmp_path / "split.csv")
    assert find_split("s3://bucket/split.csv") == "s3://bucket/split.csv"
    assert find_split(None) is None
    with pytest.raises(DemoFailed, match=r"split nowhere\.csv: no such file"):
        find_split("nowhere.csv")


def test_the_first_run_takes_this_month() -> None:
    assert choose(Archive("a"), None, {}, TODAY).partition == "2026-02"


def test_other_archives_take_the_newest_unused_month() -> None:
    snapshots = {name: snapshot("b") for name in ("2026-02", "2026-01", "2025-11")}

    choice = choose(Archive("a"), None, snapshots, TODAY)

    assert choice.partition == "2025-12"
    assert "newest month" in choice.reason


def test_the_same_archive_takes_its_own_partition() -> None:
    snapshots = {"2026-02": snapshot("other"), "2025-12": snapshot("/moved/a.zip", "1" * 64)}

    choice = choose(Archive("/here/a.zip", "1" * 64), None, snapshots, TODAY)

    assert choice.partition == "2025-12"
    assert "reused" in choice.reason


def test_a_file_that_changed_is_another_archive() -> None:
    snapshots = {"2026-02": snapshot("/here/a.zip", "2" * 64)}

    assert choose(Archive("/here/a.zip", "1" * 64), None, snapshots, TODAY).partition == "2026-01"


def test_a_generated_sample_is_known_by_its_address() -> None:
    snapshots = {"2026-02": snapshot(GENERATED)}

    assert choose(Archive(GENERATED), None, snapshots, TODAY).partition == "2026-02"
    assert choose(Archive(GENERATED + "1"), None, snapshots, TODAY).partition == "2026-01"


def test_a_version_of_a_data_set_is_known_with_its_number_and_without() -> None:
    held = {"2026-01": {**snapshot("kaggle://o/n"), "version": 4}}
    for uri in ("kaggle://o/n", "kaggle://o/n?version=4"):
        assert choose(Archive(uri), None, held, TODAY).partition == "2026-01"
    assert choose(Archive("kaggle://o/n?version=5"), None, held, TODAY).partition == "2026-02"


def test_the_partition_asked_for_is_taken() -> None:
    assert choose(Archive("a"), "2024-07", {}, TODAY).partition == "2024-07"
    assert "reused" in choose(Archive("a"), "2024-07", {"2024-07": snapshot("a")}, TODAY).reason


def test_a_partition_is_not_given_another_archive() -> None:
    with pytest.raises(DemoFailed, match=r"partition 2024-07: holds b, expected a or nothing\."):
        choose(Archive("a"), "2024-07", {"2024-07": snapshot("b")}, TODAY)


@pytest.mark.parametrize("wanted", ["2024", "2024-13", "2024-7", "latest", "2024-07/.."])
def test_a_partition_is_a_month(wanted: str) -> None:
    with pytest.raises(DemoFailed, match="expected one such as 2026-10"):
        choose(Archive("a"), wanted, {}, TODAY)
