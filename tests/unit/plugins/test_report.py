"""The tasks that leave a page to read, their buttons, and the pages behind them."""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import boto3
import httpx
import pytest
from airflow.plugins_manager import AirflowPlugin
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization
from airflow_task import run
from fastapi import FastAPI
from moto import mock_aws

from histoflow.links import DatasetReportLink
from histoflow.operators.report import DatasetReportOperator, MonitoringReportOperator
from histoflow.operators.sagemaker import SageMakerTuningOperator
from histoflow.pages import PREFIX, Pages, application
from histoflow_plugin import HistoflowPlugin
from idc import layout
from idc.settings import settings
from idc.storage import ObjectStore

with warnings.catch_warnings():  # of Airflow's API server, which imports a deprecated test client
    warnings.simplefilter("ignore")
    from histoflow.pages import datasets, monitoring, tuning

DIGEST = "0123456789abcdef" * 4
PAGE = f"{PREFIX}/{layout.report(DIGEST)}"
TUNING_JOB = "2026-11-mxnet-0123456789"
TUNING_PAGE = f"{PREFIX}/{layout.tuning_page(TUNING_JOB)}"
DAY = "2026-11-24"
MONITORING_PAGE = f"{PREFIX}/{layout.monitoring_report(DAY)}"
HTML = b"<!doctype html><title>a report</title>"


@dataclass(frozen=True)
class Browser:
    """Asks an application without a network."""

    app: FastAPI

    def get(self, path: str, **headers: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://airflow") as client:
                return await client.get(path, headers=headers)

        return asyncio.run(ask())


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("HISTOFLOW_BUCKET", "a-bucket")
    monkeypatch.setenv("HISTOFLOW_ROLE_ARN", "arn:aws:iam::123456789012:role/histoflow")
    settings.cache_clear()
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="a-bucket")
        yield ObjectStore(client, "a-bucket")
    settings.cache_clear()


@pytest.fixture
def server() -> Browser:
    """The pages where Airflow mounts them."""
    app = FastAPI()
    [registered] = HistoflowPlugin.fastapi_apps
    app.mount(registered["url_prefix"], registered["app"])
    return Browser(app)


@pytest.fixture
def reader(server: Browser) -> Iterator[Browser]:
    """Somebody who may read the DAG; whether they may is Airflow's to say, and tested with all of Airflow."""
    for pages in (datasets, tuning, monitoring):
        [allowed] = pages.router.dependencies
        application().dependency_overrides[allowed.dependency] = lambda: None
    yield server
    application().dependency_overrides.clear()


def test_the_plugin_adds_the_pages_and_makes_them_late() -> None:
    assert issubclass(HistoflowPlugin, AirflowPlugin)
    [registered] = HistoflowPlugin.fastapi_apps
    assert isinstance(registered["app"], Pages)
    assert registered["url_prefix"] == "/histoflow"


def test_nobody_reads_a_report_without_logging_in(server: Browser, store: ObjectStore) -> None:
    store.put(layout.report(DIGEST), HTML)
    store.put(layout.tuning_page(TUNING_JOB), HTML)

    answers = [
        server.get(PAGE),
        server.get(TUNING_PAGE),
        server.get(MONITORING_PAGE),
        server.get(PAGE, cookie="_token="),
        server.get(f"{PREFIX}/datasets/x/report.html"),
    ]

    assert [answer.status_code for answer in answers] == [401] * 5
    assert all(HTML not in answer.content for answer in answers)


@pytest.mark.parametrize("page", [PAGE, TUNING_PAGE, MONITORING_PAGE])
def test_the_page_is_the_report_and_can_do_nothing_else(
    page: str, reader: Browser, store: ObjectStore
) -> None:
    store.put(page.removeprefix(f"{PREFIX}/"), HTML)

    answer = reader.get(page)

    assert (answer.status_code, answer.content) == (200, HTML)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    policy = answer.headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "sandbox", "frame-ancestors 'self'"} <= set(policy)
    assert "script-src" not in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize("digest", ["0" * 64, "0" * 63, DIGEST.upper(), "..%2Fx", "%00" * 64])
def test_what_is_no_report_is_not_found(digest: str, reader: Browser, store: ObjectStore) -> None:
    store.put("datasets/x/report.html", HTML)

    answer = reader.get(f"{PREFIX}/datasets/{digest}/report.html")

    assert answer.status_code == 404
    assert "detail" in answer.json()


@pytest.mark.parametrize("job", ["another", "..", "a" * 129, "..%2Fx"])
def test_what_is_no_tuning_job_is_not_found(job: str, reader: Browser, store: ObjectStore) -> None:
    answer = reader.get(f"{PREFIX}/tuning/{job}/tuning.html")

    assert answer.status_code == 404
    assert "detail" in answer.json()


@pytest.mark.parametrize("day", ["2026-11-23", "..", "a" * 129, "..%2Fx"])
def test_what_is_no_day_that_was_looked_at_is_not_found(
    day: str, reader: Browser, store: ObjectStore
) -> None:
    store.put(layout.monitoring_report(DAY), HTML)

    answer = reader.get(f"{PREFIX}/monitoring/{day}/report.html")

    assert answer.status_code == 404
    assert "detail" in answer.json()


def test_a_page_that_cannot_be_read_now_may_be_later(
    reader: Browser, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = {"config_kwargs": {"connect_timeout": 1, "retries": {"total_max_attempts": 1}}}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps({"conn_type": "aws", "extra": extra}))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # discard: nobody answers

    answer = reader.get(PAGE)

    assert answer.status_code == 503
    assert "Traceback" not in answer.text


def test_the_button_leads_to_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.org/team/")
    task = DatasetReportOperator(task_id="report", dataset_digest=DIGEST)
    [link] = task.operator_extra_links

    address = link.get_link(task, ti_key=SimpleNamespace())  # type: ignore[arg-type]

    assert link.name == "Dataset report"
    assert address == f"https://airflow.example.org/team{PAGE}"


def test_the_button_of_monitoring_leads_to_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.org")
    task = MonitoringReportOperator(task_id="report", day=DAY)
    [link] = task.operator_extra_links

    address = link.get_link(task, ti_key=SimpleNamespace())  # type: ignore[arg-type]

    assert (link.name, address) == ("Monitoring report", f"https://airflow.example.org{MONITORING_PAGE}")


def test_the_button_survives_the_database() -> None:
    with DAG("a_dag", schedule=None) as dag:
        DatasetReportOperator(task_id="report", dataset_digest=DIGEST)
        SageMakerTuningOperator.partial(task_id="tune").expand(spec=[{}])
        EmptyOperator(task_id="other")

    revived: Any = DagSerialization.from_dict(DagSerialization.to_dict(dag))

    assert revived.get_task("report").extra_links == ["Dataset report"]
    assert revived.get_task("tune").extra_links == ["SageMaker job", "Tuning"]
    assert revived.get_task("other").extra_links == []
    [link] = revived.get_task("report").operator_extra_links
    assert link.xcom_key == DatasetReportLink().xcom_key


def test_the_operator_has_the_stage_do_it(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put(layout.report(DIGEST), HTML)
    task = DatasetReportOperator(task_id="report", dataset_digest=DIGEST)
    assert run(task) == {"report": f"s3://a-bucket/{layout.report(DIGEST)}", "is_reused": True}
