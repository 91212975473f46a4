"""Rules of the house that no one file shows: who imports whom, who reads the environment, what is where."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = {"airflow", "histoflow", "idc", "embedded_aws", "stack", "training_scripts", "dags"}
# Each part of the tree, and which of the parts (or Airflow) it may import.
MAY_IMPORT = {
    "dags": {"airflow", "histoflow", "idc"},
    "plugins": {"airflow", "histoflow", "idc"},
    "include/idc": {"idc"},
    "include/embedded_aws": {"embedded_aws"},
    "include/stack": {"stack", "embedded_aws", "idc"},
    "training_scripts": set[str](),
    "tests/embedded_aws": {"embedded_aws"},
}
DAG_LINES = 120


def files(folder: str) -> list[Path]:
    path = ROOT / folder
    found = [path] if path.suffix == ".py" else sorted(path.rglob("*.py"))
    assert found, f"{folder} holds no Python"
    return found


def imports(path: Path) -> Iterator[str]:
    """Yield every module imported anywhere in a file, for types only too."""
    for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports by a relative path"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def environment_reads(path: Path) -> Iterator[int]:
    """Yield the lines that touch the process's environment."""
    for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv", "putenv"}:
            yield node.lineno


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_imports_point_one_way(part: str) -> None:
    for path in files(part):
        roots = {module.split(".")[0] for module in imports(path)} & OURS
        assert roots <= MAY_IMPORT[part], f"{path.relative_to(ROOT)} imports {roots - MAY_IMPORT[part]}"


@pytest.mark.parametrize("part", ["dags", "plugins", "include/idc"])
def test_only_the_settings_read_the_environment(part: str) -> None:
    for path in files(part):
        if path != ROOT / "include/idc/settings.py":
            assert not list(environment_reads(path)), f"{path.relative_to(ROOT)} reads the environment"


@pytest.mark.parametrize("part", ["dags", "plugins"])
def test_only_hooks_touch_boto3(part: str) -> None:
    for path in files(part):
        if path.parent != ROOT / "plugins/histoflow/hooks":
            roots = {module.split(".")[0] for module in imports(path)}
            assert roots.isdisjoint({"boto3", "botocore", "aiobotocore"}), path.relative_to(ROOT)


def test_no_dag_asks_where_it_runs() -> None:
    for path in [
        *files("dags"),
        *files("plugins"),
        *files("include/idc/jobs"),
        *files("include/idc/variants"),
    ]:
        text = path.read_text().lower()
        for word in ("endpoint_url", "localhost", "127.0.0.1", "embedded", "is_local"):
            assert word not in text, f"{path.relative_to(ROOT)} mentions {word}"


def test_dag_files_stay_small() -> None:
    for path in files("dags"):
        assert len(path.read_text().splitlines()) < DAG_LINES, path.name


def test_airflow_scans_one_file_of_the_plugins() -> None:
    """Airflow executes every .py it scans as a module named by its stem, which would shadow other modules."""
    assert [path.name for path in (ROOT / "plugins").glob("*.py")] == ["histoflow_plugin.py"]
    ignored = (ROOT / "plugins/.airflowignore").read_text().splitlines()
    folders = {path.name for path in (ROOT / "plugins").iterdir() if path.is_dir()} - {"__pycache__"}
    assert {f"{folder}/" for folder in folders} <= set(ignored)


def test_tests_poll_and_never_sleep() -> None:
    for path in files("tests"):
        for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
            if isinstance(node, ast.Call):
                called = (
                    node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                )
                assert called != "sleep", f"{path.relative_to(ROOT)}:{node.lineno}"
