"""What `make mwaa` makes, laid out as Amazon MWAA lays it out and read by Airflow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
READ = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
from airflow.plugins_manager import _get_plugins
from airflow.providers_manager import ProvidersManager
import histoflow, idc
from idc.jobs.source import training_source
bag = DagBag(dag_folder=sys.argv[1])
plugins, errors = _get_plugins()
print("\\n" + json.dumps({
    "dags": sorted(bag.dags), "dag_errors": bag.import_errors,
    "plugins": sorted(plugin.name for plugin in plugins if plugin.name), "plugin_errors": errors,
    "kaggle": "kaggle" in ProvidersManager().hooks,
    "places": [histoflow.__file__, idc.__file__],
    "scripts": {name: len(training_source(name).files) for name in ("mxnet", "tensorflow")},
}))
"""


def built(folder: Path) -> Path:
    subprocess.run([sys.executable, ROOT / "deploy/mwaa/build.py", folder], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("mwaa") / "out")


def test_a_folder_that_holds_anything_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    command = [sys.executable, ROOT / "deploy/mwaa/build.py", tmp_path]

    done = subprocess.run(command, check=False, capture_output=True, text=True)

    assert done.returncode == 1
    assert "holds mine.txt, expected nothing or an earlier build" in done.stderr
    assert (tmp_path / "mine.txt").read_text() == "precious"


@pytest.mark.slow
def test_airflow_reads_dags_and_plugins_from_what_is_unpacked(made: Path, tmp_path: Path) -> None:
    plugins = tmp_path / "plugins"
    with zipfile.ZipFile(made / "plugins.zip") as archive:
        archive.extractall(plugins)
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    run = subprocess.run(
        [sys.executable, "-c", READ, made / "dags"],
        env={
            **kept,
            "AIRFLOW_HOME": str(tmp_path / "home"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(plugins),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "PYTHONPATH": str(plugins),
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )

    assert run.returncode == 0, run.stderr
    read: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    assert read["dags"] == sorted(path.stem for path in (ROOT / "dags").glob("*.py"))
    assert read["dag_errors"] == {}
    assert "histoflow" in read["plugins"]
    assert read["plugin_errors"] == {}
    assert read["kaggle"]
    assert all(Path(place).is_relative_to(plugins) for place in read["places"])
    assert all(count > 3 for count in read["scripts"].values())


def test_what_is_asked_for_is_constrained_to_what_was_tested(made: Path) -> None:
    constraint, *wanted = (made / "requirements.txt").read_text().splitlines()

    assert constraint == '--constraint "/usr/local/airflow/dags/constraints.txt"'
    pinned = dict(line.split("==") for line in (made / "dags/constraints.txt").read_text().splitlines())
    names = [line.partition("==")[0].partition("[")[0] for line in wanted]
    assert set(names) <= set(pinned)
    assert {"apache-airflow-providers-amazon", "scikit-learn", "kaggle"} <= set(names)
    assert "apache-airflow" not in names
    assert pinned["apache-airflow"].startswith("3.")


def test_the_startup_script_is_one_and_carries_the_whole_lock(made: Path) -> None:
    script = (made / "startup.sh").read_text()

    assert (ROOT / "requirements/sagemaker-sdk.txt").read_text() in script
    assert "@LOCK@" not in script
    subprocess.run(["sh", "-n", made / "startup.sh"], check=True)


def test_the_same_sources_make_the_same_bytes(made: Path, tmp_path: Path) -> None:
    again = built(tmp_path / "again")

    assert (again / "plugins.zip").read_bytes() == (made / "plugins.zip").read_bytes()
