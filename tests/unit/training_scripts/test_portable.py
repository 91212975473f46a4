"""What travels into a container stands alone and runs on the container's Python."""

import ast
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[3] / "training_scripts"
PYTHON = {"mxnet": (3, 8)}
FILES = sorted(SCRIPTS.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SCRIPTS)))
def test_has_the_syntax_of_the_containers_python(path: Path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), feature_version=PYTHON[path.parent.name])


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SCRIPTS)))
def test_imports_nothing_of_the_pipeline(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    assert not {name.split(".")[0] for name in imported} & {
        "idc",
        "airflow",
        "histoflow",
        "embedded_aws",
        "stack",
    }
