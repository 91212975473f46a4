"""What every operator, and the folder they are in, has to be like."""

from __future__ import annotations

import ast
import inspect
import itertools
import sys
import textwrap
from pathlib import Path

import pytest
from airflow.plugins_manager import _get_plugins
from airflow.sdk import BaseOperator, RetryAction

from histoflow import polling
from histoflow.defaults import RETRY_POLICY
from histoflow.operators.approval import ModelApprovalOperator
from histoflow.operators.endpoint import SageMakerEndpointDeployOperator
from histoflow.operators.kaggle import KaggleDatasetToS3Operator
from histoflow.operators.sagemaker import (
    SageMakerProcessingOperator,
    SageMakerTrainingOperator,
    SageMakerTransformOperator,
    SageMakerTuningOperator,
)
from histoflow.triggers.sagemaker import SageMakerEndpointTrigger, SageMakerJobTrigger
from idc.errors import CorruptArchive, JobConflict, JobFailed, ServiceError, StorageError

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
OPERATORS = [
    KaggleDatasetToS3Operator,
    SageMakerTrainingOperator,
    SageMakerProcessingOperator,
    SageMakerTransformOperator,
    SageMakerTuningOperator,
    SageMakerEndpointDeployOperator,
    ModelApprovalOperator,
]


@pytest.mark.parametrize("operator", OPERATORS)
def test_arguments_are_by_keyword_and_what_a_run_decides_is_templated(operator: type[BaseOperator]) -> None:
    parameters = inspect.signature(operator.__init__).parameters.values()

    assert all(p.kind in (p.KEYWORD_ONLY, p.VAR_KEYWORD) for p in parameters if p.name != "self")
    assert operator.template_fields in (
        ("spec",),
        ("dataset", "partition"),
        ("subject", "body", "package"),
    )


@pytest.mark.parametrize("operator", OPERATORS)
def test_execute_is_short(operator: type[BaseOperator]) -> None:
    [function] = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(operator.execute)))).body

    assert isinstance(function, ast.FunctionDef)
    assert function.end_lineno is not None
    assert function.end_lineno - function.lineno <= 15


@pytest.mark.parametrize(
    "trigger",
    [
        SageMakerJobTrigger(kind="TrainingJob", name="j", aws_conn_id="aws_default", region_name="eu-west-1"),
        SageMakerEndpointTrigger(deadline=1.5, name="e", aws_conn_id=None, region_name=None),
    ],
)
def test_a_trigger_survives_the_database(trigger: SageMakerJobTrigger | SageMakerEndpointTrigger) -> None:
    path, arguments = trigger.serialize()
    module, _, name = path.rpartition(".")

    again = getattr(sys.modules[module], name)(**arguments)

    assert again.serialize() == (path, arguments)


@pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")
def test_airflow_executes_one_file_of_the_plugins_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow import settings

    monkeypatch.setattr(settings, "PLUGINS_FOLDER", str(PLUGINS))
    before = set(sys.modules)
    _get_plugins.cache_clear()

    plugins, errors = _get_plugins()

    _get_plugins.cache_clear()
    assert errors == {}
    assert "histoflow" in [plugin.name for plugin in plugins]
    stems = {path.stem for path in PLUGINS.rglob("*.py")} - {"__init__"}
    assert (set(sys.modules) - before) & stems <= {"histoflow_plugin"}


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (JobFailed("TrainingJob", "j", "Failed", "Completed", "Mend it."), RetryAction.FAIL),
        (JobConflict("TrainingJob", "j", "a", "b", "Mend it."), RetryAction.FAIL),
        (CorruptArchive("archive", "a", "cut", "whole", "Get it again."), RetryAction.FAIL),
        (ServiceError("TrainingJob", "j", "throttled", "an answer", "Wait."), RetryAction.DEFAULT),
        (StorageError("object", "o", "503", "an answer", "Wait."), RetryAction.DEFAULT),
        (ConnectionError("reset"), RetryAction.DEFAULT),
    ],
)
def test_what_would_fail_again_is_not_tried_again(error: Exception, action: RetryAction) -> None:
    assert RETRY_POLICY.evaluate(error, try_number=1, max_tries=3).action is action


def test_polling_slows_down_to_five_seconds_and_is_scattered() -> None:
    waits = list(itertools.islice(polling.intervals(), 50))

    assert 0.8 <= waits[0] <= 1.2
    assert all(4 <= wait <= 6 for wait in waits[10:])
    assert len(set(waits)) == 50


def test_a_trigger_keeps_quiet_until_the_executor_has_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL", "5")

    assert polling.handover_s() == 11
