"""Rules of the house that no one file shows: who imports whom, who reads the environment, what is where."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = {"airflow", "histoflow", "idc", "embedded_aws", "stack", "training_scripts", "dags"}
# What scripts outside of packages may import; the packages have contracts in pyproject.toml.
MAY_IMPORT = {
    "dags": {"airflow", "histoflow", "idc"},
    "training_scripts": set[str](),
    "tests/embedded_aws": {"embedded_aws"},
}
# A line for the end of a module, and the contract that forbids it.
FORBIDDEN = [
    ("include/idc/jobs/spec.py", "import histoflow.runs", "Plugins import the library"),
    ("include/idc/jobs/state.py", "import embedded_aws.settings", "What runs on AWS does not know"),
    ("include/embedded_aws/settings.py", "import idc.layout", "The embedded AWS stands alone"),
    ("include/idc/train/results.py", "import idc.tune.trials", "A stage imports what all stages share"),
    ("include/idc/converter/split.py", "import idc.layout", "A stage imports what all stages share"),
    ("plugins/histoflow/links.py", "import histoflow.operators.job", "No import circles"),
]
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


def lint_imports(tree: Path) -> dict[str, str]:
    """Return what the linter says of each contract: KEPT or BROKEN."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": f"{tree / 'include'}:{tree / 'plugins'}"},
        capture_output=True,
        text=True,
    )
    found = re.findall(r"^(.+) (KEPT|BROKEN)\b", done.stdout, re.MULTILINE)
    assert found, done.stdout + done.stderr
    return dict(found)


def test_the_contracts_on_imports_are_kept() -> None:
    assert set(lint_imports(ROOT).values()) == {"KEPT"}


def test_a_forbidden_import_is_caught(tmp_path: Path) -> None:
    for part in ("include", "plugins"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for path, line, contract in FORBIDDEN:
        with (tmp_path / path).open("a") as module:
            module.write(f"\n{line}\n")
        broken = [name for name, said in lint_imports(tmp_path).items() if said == "BROKEN"]
        assert any(name.startswith(contract) for name in broken), f"{line} in {path}"
        shutil.copy(ROOT / path, tmp_path / path)


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
