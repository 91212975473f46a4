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
from airflow.sdk import (
    DAG,
    Asset,
    AssetAny,
    CronPartitionTimetable,
    PartitionedAssetTimetable,
    PartitionedAtRuntime,
    TriggerRule,
    timezone,
)
from airflow.sdk.exceptions import ParamValidationError
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import TimeRestriction

from histoflow.defaults import ENDPOINT, RETRAIN, SAGEMAKER_POOL
from histoflow.operators.approval import ModelApprovalOperator
from histoflow.operators.endpoint import SageMakerEndpointDeployOperator
from histoflow.operators.kaggle import KaggleDatasetToS3Operator

ROOT = Path(__file__).resolve().parents[3]
DAGS = ROOT / "dags"
TASKS = {
    "idc_ingest": ["source", "archive", "kaggle"],
    "idc_convert": ["plan", "convert", "publish", "report"],
    "idc_train": ["plan", "request", "train", "record"],
    "idc_deploy": [
        "plan",
        "score",
        "delete_models",
        "measure",
        "report",
        "decide",
        "register",
        "approve",
        "deploy",
        "keep",
        "smoke",
        "conclude",
    ],
    "idc_rollback": ["choose", "deploy", "smoke", "conclude"],
    "idc_tune": ["plan", "request", "tune", "record"],
    "idc_history": ["report"],
    "idc_monitor": ["report", "decide", "advise", "retrain", "keep"],
}
ANY_TIME = TimeRestriction(earliest=None, latest=None, catchup=False)
JOBS = {"convert", "train", "tune", "score"}
WITHOUT_DEADLINE = {"idc_deploy"}
# Each starts the next; the others are triggered by hand.
CHAIN = ("idc_ingest", "idc_convert", "idc_train", "idc_deploy")
# What no DAG file may load just by being read.
HEAVY = {"boto3", "botocore", "mxnet", "numpy", "pandas", "sagemaker", "scipy", "sklearn", "tensorflow"}
READ = """
import json, runpy, sys, time
import airflow.models, airflow.sdk
from airflow.sdk import DAG, BaseOperator, Param, PartitionedAssetTimetable, PartitionedAtRuntime
from airflow.sdk import RetryRule, TriggerRule, task
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
    assert dag.deadline or dag_id in WITHOUT_DEADLINE


@pytest.mark.parametrize("dag_id", TASKS)
def test_each_task_has_an_owner_a_page_and_a_retry_policy(dags: dict[str, DAG], dag_id: str) -> None:
    for task in dags[dag_id].tasks:
        assert task.owner == "histoflow", task
        assert task.doc_md, task
        assert task.retries >= 2, task
        assert task.retry_policy is not None, task
        assert task.on_failure_callback, task


@pytest.mark.parametrize("dag_id", TASKS)
def test_a_wait_for_a_job_takes_a_slot_and_ends_with_the_job_and_all_else_ends_by_itself(
    dags: dict[str, DAG], dag_id: str
) -> None:
    for task in dags[dag_id].tasks:
        if task.task_id in JOBS:
            assert (task.pool, task.execution_timeout) == (SAGEMAKER_POOL, None), task
        elif isinstance(task, ModelApprovalOperator | SageMakerEndpointDeployOperator):
            assert task.execution_timeout is None, "it ends as the form or the rollout says"
        else:
            assert task.execution_timeout, task


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
    for dag_id in CHAIN:
        timetable = dags[dag_id].timetable
        if made is not None:
            assert isinstance(timetable, PartitionedAssetTimetable)
            others = {RETRAIN} if dag_id == "idc_train" else set()
            assert set(_awaited(timetable)) == {made, *others}, dag_id
        outlets = {task.task_id: task.outlets for task in dags[dag_id].tasks if task.outlets}
        if dag_id == "idc_deploy":
            assert outlets.pop("smoke") == [ENDPOINT], "for others: no DAG here waits for it"
        branches = {"kaggle", "archive"}  # one of them runs
        assert len(outlets) == 1 or set(outlets) == branches, f"{dag_id} would start the next DAG twice"
        [made] = outlets.popitem()[1]
        assert all(others == [made] for others in outlets.values())
    assert dags["idc_history"].timetable.asset_condition == made


def _awaited(timetable: PartitionedAssetTimetable) -> list[Asset]:
    """Return the assets of which any one starts a run."""
    condition = timetable.asset_condition
    if isinstance(condition, Asset):
        return [condition]
    assert isinstance(condition, AssetAny)
    return list(condition.objects)


def test_monitoring_runs_every_day_for_the_day_before(dags: dict[str, DAG]) -> None:
    timetable: Any = DagSerialization.from_dict(DagSerialization.to_dict(dags["idc_monitor"])).timetable
    night = timezone.datetime(2026, 3, 1, 4)

    _, key = timetable._get_partition_info(run_date=night)

    assert (
        key,
        timetable.next_dagrun_info_v2(last_dagrun_info=None, restriction=ANY_TIME).run_after.hour,
    ) == (
        "2026-02-28",
        4,
    )


def test_monitoring_keeps_tells_or_trains(dags: dict[str, DAG]) -> None:
    decide, retrain = (dags["idc_monitor"].get_task(name) for name in ("decide", "retrain"))

    assert decide.downstream_task_ids == {"keep", "advise", "retrain"}
    assert decide.inherits_from_skipmixin
    assert retrain.outlets == [RETRAIN]
    assert {name for name, dag in dags.items() for task in dag.tasks if RETRAIN in task.outlets} == {
        "idc_monitor"
    }
    dags["idc_monitor"].params.validate()


def test_rolling_back_is_one_click(dags: dict[str, DAG]) -> None:
    dag = dags["idc_rollback"]

    assert dag.schedule is None
    dag.params.validate()
    assert dag.get_task("smoke").outlets == dags["idc_deploy"].get_task("smoke").outlets


def test_a_model_is_deployed_or_what_is_served_is_kept(dags: dict[str, DAG]) -> None:
    decide, approve = (dags["idc_deploy"].get_task(name) for name in ("decide", "approve"))

    assert decide.downstream_task_ids == {"register", "keep"}
    assert decide.inherits_from_skipmixin
    assert isinstance(approve, ModelApprovalOperator)
    # A refusal skips what comes next to it; the end of the run must not be among that.
    assert approve.downstream_task_ids == {"deploy"}
    assert dags["idc_deploy"].get_task("conclude").trigger_rule == TriggerRule.NONE_FAILED


def test_models_made_for_scoring_are_deleted_whatever_came_of_it(dags: dict[str, DAG]) -> None:
    delete = dags["idc_deploy"].get_task("delete_models")

    assert delete.is_teardown
    assert not delete.on_failure_fail_dagrun
    assert delete.trigger_rule == TriggerRule.ALL_DONE_SETUP_SUCCESS
    assert delete.upstream_task_ids == {"plan", "score"}


def test_scoring_again_with_one_model_does_not_plan_again(dags: dict[str, DAG]) -> None:
    """The other models' jobs are of the plan that was; what is cleared with a task is what Airflow says."""
    score = dags["idc_deploy"].get_task("score")

    assert {task.task_id for task in score.get_upstreams_only_setups_and_teardowns()} == set()


@pytest.mark.parametrize("dag_id", [name for name in TASKS if name != "idc_rollback"])
def test_each_dag_takes_a_partition_key_when_triggered(dags: dict[str, DAG], dag_id: str) -> None:
    stored = DagSerialization.from_dict(DagSerialization.to_dict(dags[dag_id]))

    stored.validate_partition_key("2026-11")  # raises where the timetable has no partitions


def test_tuning_is_triggered_by_hand_and_what_it_finds_is_deployed(dags: dict[str, DAG]) -> None:
    tune = dags["idc_tune"]

    assert isinstance(tune.timetable, PartitionedAtRuntime)
    assert [task.task_id for task in tune.tasks if task.outlets] == ["record"]
    assert tune.get_task("record").outlets == dags["idc_train"].get_task("record").outlets


@pytest.mark.parametrize(
    ("field", "value", "is_valid"),
    [
        ("variant", "all", True),
        ("variant", "gluon", False),
        ("ranges", {"learning_rate": {"min": 0.001, "max": 0.1}}, True),
        ("ranges", "learning_rate", False),
        ("jobs", 0, False),
        ("strategy", "Genetic", False),
        ("warm_start", ["2026-11-mxnet-0123456789"], True),
    ],
)
def test_the_form_checks_a_search(dags: dict[str, DAG], field: str, value: Any, is_valid: bool) -> None:
    param = dags["idc_tune"].params.get_param(field)

    if is_valid:
        assert param.resolve(value) == value
    else:
        with pytest.raises(ParamValidationError):
            param.resolve(value)


def test_either_kaggle_or_the_archive_is_ingested(dags: dict[str, DAG]) -> None:
    source = dags["idc_ingest"].get_task("source")

    assert source.downstream_task_ids == {"kaggle", "archive"}
    assert source.inherits_from_skipmixin
    assert isinstance(dags["idc_ingest"].get_task("kaggle"), KaggleDatasetToS3Operator)


@pytest.mark.parametrize(
    ("archive", "is_valid"),
    [
        *(
            (uri, True)
            for uri in (None, "/data/a.zip", "a b.zip", "s3://b/k", "https://h/a.zip", "kaggle://o/n")
        ),
        *((uri, False) for uri in ("ftp://h/a.zip", "s3://", "kaggle:// x", 7)),
    ],
)
def test_the_form_checks_the_archive(dags: dict[str, DAG], archive: Any, is_valid: bool) -> None:
    param = dags["idc_ingest"].params.get_param("archive")

    if is_valid:
        assert param.resolve(archive) == archive
    else:
        with pytest.raises(ParamValidationError):
            param.resolve(archive)


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
