"""What travels into a processing container is understood by the Python 3.8 of Amazon's image."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LIBRARY = Path(__file__).resolve().parents[4] / "include" / "idc"
TRAVELLING = [
    *(LIBRARY / name for name in ("__init__.py", "errors.py", "layout.py", "storage.py")),
    *sorted((LIBRARY / "converter").rglob("*.py")),
]
# What Python 3.9 and later added and this code could be tempted to use.
LATER = {
    "removeprefix",
    "removesuffix",
    "pairwise",
    "batched",
    "cache",
    "randbytes",
    "is_relative_to",
    "bit_count",
}
LATER_ARGUMENTS = {"zip": {"strict"}, "dataclass": {"slots", "kw_only"}, "sha256": {"usedforsecurity"}}


def name_of(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


@pytest.mark.parametrize("path", TRAVELLING, ids=lambda path: path.relative_to(LIBRARY).as_posix())
def test_the_syntax_and_calls_are_those_of_python_3_8(path: Path) -> None:
    tree = ast.parse(path.read_text(), str(path), feature_version=(3, 8))
    assert any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body) or (
        path.name == "__init__.py"
    )
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            assert node.attr not in LATER, f"{path.name}:{node.lineno}"
        if isinstance(node, ast.Call):
            used = {keyword.arg for keyword in node.keywords}
            assert not used & LATER_ARGUMENTS.get(name_of(node), set()), f"{path.name}:{node.lineno}"
        if isinstance(node, ast.With):
            assert node.items, path.name


def test_the_converter_starts_from_what_travels_alone(tmp_path: Path) -> None:
    for path in TRAVELLING:
        target = tmp_path / "idc" / path.relative_to(LIBRARY)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    command = [sys.executable, "-m", "idc.converter.convert", "--help"]
    done = subprocess.run(
        command, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "--dataset-digest" in done.stdout


def test_python_3_8_itself_reads_it(tmp_path: Path) -> None:
    interpreter = shutil.which("python3.8")
    version = interpreter and subprocess.run([interpreter, "-V"], capture_output=True, text=True).stdout
    if not interpreter or "3.8" not in version:
        pytest.skip("no Python 3.8 on this machine")
    script = (
        "import sys\nfor path in sys.argv[1:]: compile(open(path, encoding='utf-8').read(), path, 'exec')"
    )
    subprocess.run([interpreter, "-c", script, *map(str, TRAVELLING)], check=True, cwd=tmp_path)
