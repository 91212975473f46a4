"""The guide's own code blocks add a variant to a copy of the tree, where everything takes it."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import local_aws
import pytest

ROOT = Path(__file__).resolve().parents[4]
GUIDE = ROOT / "docs" / "guides" / "variant.md"
BLOCK = re.compile(r'^```\w+ title="([^"]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)
COPIED = ("include", "plugins", "training_scripts", "deploy", "tests")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree with the files that the guide shows."""
    folder = tmp_path_factory.mktemp("tree")
    ignored = shutil.ignore_patterns("__pycache__", "node_modules", "contract", "e2e", "faults")
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", folder)
    for path, text in BLOCK.findall(GUIDE.read_text()):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        assert not target.exists(), path
        target.write_text(text)
    return folder


def test_the_guide_shows_one_file_a_script_and_an_environment() -> None:
    blocks = dict(BLOCK.findall(GUIDE.read_text()))

    assert set(blocks) == {
        "include/idc/variants/pytorch.py",
        "training_scripts/pytorch/train.py",
        "requirements/pytorch.in",
    }
    for path, text in blocks.items():
        if path.endswith(".py"):
            ast.parse(text)


@pytest.mark.timeout(600)
def test_the_variant_of_the_guide_is_planned_requested_recorded_measured_and_shown(tree: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/unit/idc/variants/added.py"],
        cwd=tree,
        env={**os.environ, "HISTOFLOW_ENVS": str(local_aws.ENVIRONMENTS)},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
