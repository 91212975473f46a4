"""The DAG files as the DAG processor sees them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG, CronPartitionTimetable, PartitionedAssetTimetable

ROOT = Path(__file__).resolve().parents[3]
DAGS = ROOT / "dags"
TASKS = {
    "idc_ingest": ["snapshot"],
    "idc_convert": ["plan", "convert", "publish"],
    "idc_train": ["plan", "train", "record"],
    "idc_deploy": ["plan", "predict", "measure", "choose", "deploy", "smoke"],
}
# What no DAG file may load just by being read.
HEAVY = {"boto3", "botocore", "mxnet", "numpy", "pandas", "sagemaker", "scipy", "sklearn", "tensorflow"}
READ = """
import json, runpy, sys, time
import airflow.models, airflow.sdk
from airflow.sdk import DAG, BaseOperator, Param, PartitionedAssetTimetable, RetryRule, TriggerRule, task
before, seconds = set(sys.modules), []
for path in sys.argv[1:]:
    began = time.process_time()
    runpy.run_path(path)
    seconds.append(time.process_time() - began)
print(json.dumps({"seconds": seconds, "modules": sorted(set(sys.modules) - before)}))
"""


@pytest.fixture(scope="module")
def dags() -> dict[str, DAG]:
    bag = DagBag(dag_folder=DAGS)
    assert bag.import_errors == {}
    return dict(bag.dags)


def test_these_dags_and_no_others(dags: dict[str, DAG]) -> None:
    assert set(dags) == set(TASKS)
    assert {path.stem for path in DAGS.glob("*.py")} == set(TASKS)


@pytest.mark.parametrize("dag_id", TASKS)
def test_each_dag_is_the_pipeline_it_says(dags: dict[str, DAG], dag_id: str) -> None:
    assert [task.task_id for task in dags[dag_id].topological_sort()] == TASKS[dag_id]


@pytest.mark.parametrize("dag_id", TASKS)
def test_each_dag_says_who_what_and_how_often(dags: dict[str, DAG], dag_id: str) -> None:
    dag = dags[dag_id]

    assert dag.doc_md
    assert "**Running it again**" in dag.doc_md
    assert "**When it fails**" in dag.doc_md
    assert dag.description
    assert "histoflow" in dag.tags
    assert dag.max_active_runs == 1
    assert not dag.catchup


@pytest.mark.parametrize("dag_id", TASKS)
def test_each_task_has_an_owner_a_page_and_a_retry_policy(dags: dict[str, DAG], dag_id: str) -> None:
    for task in dags[dag_id].tasks:
        assert task.owner == "histoflow", task
        assert task.doc_md, task
        assert task.retries >= 2, task
        assert task.retry_policy is not None, task


def test_every_parameter_of_a_form_is_typed_and_described(dags: dict[str, DAG]) -> None:
    for dag in dags.values():
        for name in dag.params:
            param = dag.params.get_param(name)
            assert param.schema.get("type"), (dag.dag_id, name)
            assert param.schema.get("title"), (dag.dag_id, name)
            assert param.description, (dag.dag_id, name)


def test_the_chain_is_made_of_assets(dags: dict[str, DAG]) -> None:
    assert isinstance(dags["idc_ingest"].timetable, CronPartitionTimetable)
    assert dags["idc_ingest"].timetable.key_format == "%Y-%m"

    made = None
    for dag_id in TASKS:
        timetable = dags[dag_id].timetable
        if made is not None:
            assert isinstance(timetable, PartitionedAssetTimetable)
            assert timetable.asset_condition == made, dag_id
        outlets = [outlet for task in dags[dag_id].tasks for outlet in task.outlets]
        assert len(outlets) == 1, f"{dag_id} would start the next DAG more than once"
        made = outlets[0]


def test_each_file_is_read_in_well_under_a_second_and_loads_nothing_heavy() -> None:
    variables = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "HISTOFLOW_"))
    }
    run = subprocess.run(
        [sys.executable, "-c", READ, *map(str, sorted(DAGS.glob("*.py")))],
        env={**variables, "PYTHONPATH": f"{ROOT / 'include'}:{ROOT / 'plugins'}"},
        capture_output=True,
        text=True,
        check=True,
    )
    read: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])

    assert max(read["seconds"]) < 1
    assert HEAVY.isdisjoint(module.split(".")[0] for module in read["modules"])
