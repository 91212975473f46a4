from __future__ import annotations

import sys
from pathlib import Path

import pytest

from stack import environments
from stack.errors import EnvironmentBuildError

# Stands in for uv: writes down how it was called, makes a Python where `uv venv` would, fails when told.
UV = """#!/bin/sh
echo "$@" >> "$(dirname "$0")/calls"
if [ -e "$(dirname "$0")/fail" ]; then echo "no such package"; exit 3; fi
if [ "$1" = venv ]; then mkdir -p "$4/bin" && ln -s {python} "$4/bin/python"; fi
"""


@pytest.fixture
def uv(tmp_path: Path) -> Path:
    program = tmp_path / "tools" / "uv"
    program.parent.mkdir()
    program.write_text(UV.format(python=sys.executable))
    program.chmod(0o755)
    return program


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    folder = tmp_path / "requirements"
    folder.mkdir()
    for name in ("airflow", "dev"):
        (folder / f"{name}.txt").write_text("package==1.0 --hash=sha256:00\n")
    return folder


def calls(uv: Path) -> list[str]:
    path = uv.parent / "calls"
    return path.read_text().splitlines() if path.exists() else []


def test_builds_what_is_missing_and_then_has_nothing_to_do(
    tmp_path: Path, uv: Path, requirements: Path
) -> None:
    envs = tmp_path / "envs"

    first = environments.build(["airflow", "dev"], envs, requirements, uv)
    made = calls(uv)
    second = environments.build(["airflow", "dev"], envs, requirements, uv)

    assert first == ["airflow", "dev"]
    assert second == []
    assert [call.split()[0] for call in made] == ["venv", "pip", "venv", "pip"]
    assert all("--require-hashes" in call for call in made if call.startswith("pip"))
    assert calls(uv) == made


def test_a_changed_lock_updates_only_its_environment(tmp_path: Path, uv: Path, requirements: Path) -> None:
    envs = tmp_path / "envs"
    environments.build(["airflow", "dev"], envs, requirements, uv)
    before = len(calls(uv))

    (requirements / "dev.txt").write_text("package==1.1 --hash=sha256:11\n")

    assert environments.build(["airflow", "dev"], envs, requirements, uv) == ["dev"]
    assert [call.split()[:2] for call in calls(uv)[before:]] == [["pip", "sync"]]


def test_an_unfinished_environment_is_built_from_nothing(
    tmp_path: Path, uv: Path, requirements: Path
) -> None:
    envs = tmp_path / "envs"
    (uv.parent / "fail").touch()
    with pytest.raises(EnvironmentBuildError, match="environment airflow: uv ended with code 3") as caught:
        environments.build(["airflow"], envs, requirements, uv)
    assert "no such package" in str(caught.value)
    assert not environments.is_current("airflow", envs, requirements)

    (uv.parent / "fail").unlink()
    environments.build(["airflow"], envs, requirements, uv)
    (envs / "airflow" / "histoflow-unfinished").touch()
    (envs / "airflow" / "half-a-package").touch()
    (envs / "airflow" / "histoflow-lock.sha256").unlink()
    environments.build(["airflow"], envs, requirements, uv)

    assert not (envs / "airflow" / "half-a-package").exists()
    assert environments.is_current("airflow", envs, requirements)


def test_a_vanished_python_makes_an_environment_stale(tmp_path: Path, uv: Path, requirements: Path) -> None:
    envs = tmp_path / "envs"
    environments.build(["airflow"], envs, requirements, uv)
    python = environments.interpreter("airflow", envs)

    python.unlink()
    python.symlink_to(tmp_path / "removed-python")

    assert not environments.is_current("airflow", envs, requirements)


def test_names_a_missing_shared_library(
    tmp_path: Path, uv: Path, requirements: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(environments.SHARED_LIBRARIES, "airflow", ("libhistoflow-absent.so.9",))

    with pytest.raises(EnvironmentBuildError, match=r"libhistoflow-absent\.so\.9 not found.*system-packages"):
        environments.build(["airflow"], tmp_path / "envs", requirements, uv)
    assert calls(uv) == []


def test_refuses_another_python(
    tmp_path: Path, uv: Path, requirements: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "PYTHON_VERSION", (3, 7))

    with pytest.raises(EnvironmentBuildError, match=r"expected 3\.11"):
        environments.build(["airflow"], tmp_path / "envs", requirements, uv)


def test_names_the_locks_there_are(tmp_path: Path, requirements: Path) -> None:
    with pytest.raises(
        EnvironmentBuildError, match="environment other: no lock, expected one of airflow, dev"
    ):
        environments.build(["other"], tmp_path, requirements)
