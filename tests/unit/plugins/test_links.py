"""The buttons lead to Amazon's console where requests go to Amazon, and to our own pages everywhere else."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import airflow_home  # noqa: F401  (before Airflow)
import pytest
from airflow.sdk.execution_time.xcom import XCom

from histoflow.operators.sagemaker import (
    SageMakerProcessingOperator,
    SageMakerTrainingOperator,
    SageMakerTuningOperator,
)
from idc.jobs.spec import JobSpec
from idc.jobs.state import JobState

DIGEST = "0" * 64
NOW = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def credentials_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", '{"conn_type": "aws"}')


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What tasks push as XComs: Airflow keeps them as JSON."""
    values: dict[str, str] = {}
    monkeypatch.setattr(
        XCom, "get_value", lambda *, ti_key, key: json.loads(values[key]) if key in values else None
    )
    return values


def links(kind: Any, spec: dict[str, Any], kept: dict[str, Any]) -> dict[str, str]:
    """Return where each button of a task leads that has ended; while its job runs they lead there too."""
    operator = kind(task_id="task", spec=spec)
    ti: Any = SimpleNamespace(xcom_push=lambda key, value: kept.update({key: json.dumps(value)}))
    context: Any = {"ti": ti, "dag_run": SimpleNamespace(partition_key="2026-10")}
    operator._announce(JobSpec(operator.kind, "", {}, **spec), job(operator.kind), context)
    shown = {link.name: json.loads(kept[link.xcom_key]) for link in operator.operator_extra_links}
    assert shown == buttons(kind)
    return shown


def buttons(kind: Any) -> dict[str, str]:
    """Return what the buttons of another process's operator lead to: all they know is in the XComs."""
    return {
        link.name: link.get_link(kind(task_id="task", spec=None), ti_key=None)
        for link in kind.operator_extra_links
    }


def job(kind: Any) -> JobState:
    return JobState(
        kind=kind,
        name="a-job",
        arn="arn",
        status="InProgress",
        secondary_status="",
        failure_reason="",
        created=NOW,
        started=None,
        ended=None,
        limit=timedelta(hours=1),
        model_data="",
        metrics={},
    )


def test_on_amazon_job_and_log_open_in_the_console(kept: dict[str, Any]) -> None:
    found = links(SageMakerTrainingOperator, {"variant": "mxnet"}, kept)

    console = "https://eu-west-1.console.aws.amazon.com"
    assert found["SageMaker job"] == f"{console}/sagemaker/home?region=eu-west-1#/jobs/a-job"
    assert found["CloudWatch log"] == (
        f"{console}/cloudwatch/home?region=eu-west-1#logsV2:log-groups/log-group/"
        "$252Faws$252Fsagemaker$252FTrainingJobs$3FlogStreamNameFilter$3Da-job"
    )


def test_elsewhere_they_open_our_own_page(kept: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")

    found = links(SageMakerProcessingOperator, {"dataset_digest": DIGEST}, kept)

    assert found["SageMaker job"].endswith("/histoflow/jobs/ProcessingJob/a-job")
    assert found["CloudWatch log"].endswith("/histoflow/jobs/ProcessingJob/a-job#log")
    assert found["Report"].endswith(f"/histoflow/datasets/{DIGEST}/report.html")
    assert found["Model card"] == ""


def test_a_variants_job_leads_to_its_report_and_card(kept: dict[str, Any]) -> None:
    found = links(SageMakerTrainingOperator, {"variant": "mxnet"}, kept)

    assert found["Report"].endswith("/histoflow/candidates/2026-10/mxnet/report.html")
    assert found["Model card"].endswith("/histoflow/candidates/2026-10/mxnet/card.html")


def test_a_tuning_job_leads_to_its_page(kept: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.org")

    found = links(SageMakerTuningOperator, {"variant": "mxnet"}, kept)

    assert found["Tuning"] == "https://airflow.example.org/histoflow/tuning/a-job/tuning.html"


@pytest.mark.parametrize("kind", [SageMakerTrainingOperator, SageMakerTuningOperator])
def test_before_there_is_a_job_there_is_no_button_to_it(kind: Any, kept: dict[str, Any]) -> None:
    assert set(buttons(kind).values()) == {""}
