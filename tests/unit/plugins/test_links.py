"""The buttons lead to Amazon's console where requests go to Amazon, and to our own pages everywhere else."""

from __future__ import annotations

import os
from typing import Any, cast

import airflow_home  # noqa: F401  (before Airflow)
import pytest
from airflow.sdk.types import TaskInstanceKey

from histoflow.operators.sagemaker import (
    SageMakerProcessingOperator,
    SageMakerTrainingOperator,
    SageMakerTuningOperator,
)

KEY = cast("TaskInstanceKey", None)  # what a link is for, the operator itself knows
DIGEST = "0" * 64


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


def links(kind: Any, spec: dict[str, Any], job: str | None = "a-job") -> dict[str, str]:
    """Return where each button of a task leads once its job is there."""
    operator = kind(task_id="task", spec=spec)
    operator._job, operator.partition = job, "2026-10"
    return {link.name: link.get_link(operator, ti_key=KEY) for link in operator.operator_extra_links}


def test_on_amazon_job_and_log_open_in_the_console() -> None:
    found = links(SageMakerTrainingOperator, {"variant": "mxnet"})

    console = "https://eu-west-1.console.aws.amazon.com"
    assert found["SageMaker job"] == f"{console}/sagemaker/home?region=eu-west-1#/jobs/a-job"
    assert found["CloudWatch log"] == (
        f"{console}/cloudwatch/home?region=eu-west-1#logsV2:log-groups/log-group/"
        "$252Faws$252Fsagemaker$252FTrainingJobs$3FlogStreamNameFilter$3Da-job"
    )


def test_elsewhere_they_open_our_own_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")

    found = links(SageMakerProcessingOperator, {"dataset_digest": DIGEST})

    assert found["SageMaker job"].endswith("/histoflow/jobs/ProcessingJob/a-job")
    assert found["CloudWatch log"].endswith("/histoflow/jobs/ProcessingJob/a-job#log")
    assert found["Report"].endswith(f"/histoflow/datasets/{DIGEST}/report.html")
    assert found["Model card"] == ""


def test_a_variants_job_leads_to_its_report_and_card() -> None:
    found = links(SageMakerTrainingOperator, {"variant": "mxnet"})

    assert found["Report"].endswith("/histoflow/candidates/2026-10/mxnet/report.html")
    assert found["Model card"].endswith("/histoflow/candidates/2026-10/mxnet/card.html")


@pytest.mark.parametrize("kind", [SageMakerTrainingOperator, SageMakerTuningOperator])
def test_before_there_is_a_job_there_is_no_button_to_it(kind: Any) -> None:
    found = links(kind, {}, job=None)

    assert set(found.values()) == {""}
