"""The hooks of `.pre-commit-config.yaml` are valid, need no download, and run the linters of `make check`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = ROOT / ".pre-commit-config.yaml"
[REPOSITORY] = yaml.safe_load(CONFIGURATION.read_text())["repos"]
HOOKS = {hook["id"]: hook for hook in REPOSITORY["hooks"]}
# A few files are enough to show that a hook starts and passes.
FILES = ["handbook/__init__.py", "handbook/markdown.py", "dags/idc_history.py"]


def pre_commit(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    tools = Path(sys.executable).parents[1]
    environment = {
        "PRE_COMMIT_HOME": str(home),
        "HISTOFLOW_ENVS": str(tools.parent),
        "PATH": os.environ["PATH"],
    }
    command = [sys.executable, "-m", "pre_commit", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_the_configuration_is_valid_and_downloads_nothing(tmp_path: Path) -> None:
    done = pre_commit(tmp_path, "validate-config", str(CONFIGURATION))

    assert done.returncode == 0, done.stdout + done.stderr
    assert REPOSITORY["repo"] == "local"
    assert {hook["language"] for hook in HOOKS.values()} == {"system"}


def test_make_check_runs_the_same_linters() -> None:
    makefile = (ROOT / "Makefile").read_text()
    linted = set(
        re.findall(
            r"^\t@(?:PYTHONPATH=\S+ )?\$\(DEV\)/(ruff check|ruff format|mypy|lint-imports)",
            makefile,
            re.MULTILINE,
        )
    )
    hooked = {re.sub(r"^.*bin/dev | --[\w-]+", "", hook["entry"]) for hook in HOOKS.values()}

    assert hooked == linted


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="pre-commit runs in a git repository")
@pytest.mark.parametrize(
    "hook", sorted(set(HOOKS) - {"mypy"})
)  # mypy reads the whole tree: `make check` runs it
def test_a_hook_passes_on_this_tree(hook: str, tmp_path: Path) -> None:
    done = pre_commit(tmp_path, "run", hook, "--files", *FILES)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passed" in done.stdout
