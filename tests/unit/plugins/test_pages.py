"""What the page of all models asks for, answered from real objects and jobs of an embedded AWS."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import local_aws
import pytest
import showcase
from botocore.awsrequest import AWSResponse
from fastapi import FastAPI
from local_aws import LocalAws

from histoflow.pages import PREFIX, application
from histoflow.pages.sources import sources
from histoflow_plugin import HistoflowPlugin
from idc import layout
from idc.settings import settings
from idc.storage import ObjectStore
from idc.variants.all import VARIANTS

pytestmark = pytest.mark.slow

PARTITIONS = showcase.months(38, last_year=9990)
NEWEST = PARTITIONS[-1]
JOBS = 250


@dataclass
class Reader:
    """Somebody who may read everything, and how often AWS was called for them."""

    app: FastAPI
    calls: Counter[str]

    def ask(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://airflow") as client:
                return await client.get(f"{PREFIX}/{path}", params=query, headers=headers)

        return asyncio.run(send())

    def get(self, path: str, **query: Any) -> Any:
        self.calls.clear()
        answer = self.ask(path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def store(embedded_aws: LocalAws) -> Iterator[ObjectStore]:
    """The bucket, with three years of partitions; everything this process asks of AWS is asked there."""
    own = {"HISTOFLOW_BUCKET": local_aws.BUCKET, "HISTOFLOW_ROLE_ARN": local_aws.ROLE_ARN}
    with local_aws.everything_sent_to(embedded_aws, **own):
        settings.cache_clear()
        made = ObjectStore(embedded_aws.client("s3"), local_aws.BUCKET)
        showcase.fill_bucket(made, PARTITIONS)
        showcase.fill_jobs(embedded_aws, JOBS)
        yield made
    showcase.forget_jobs(embedded_aws)
    for key in [*made.keys("candidates/99"), *made.keys("monitoring/99"), layout.tuned_defaults("mxnet")]:
        made.delete(key)
    settings.cache_clear()


@pytest.fixture(scope="module")
def everything(store: ObjectStore) -> Iterator[Reader]:
    """The pages where Airflow mounts them, and AWS clients that are counted."""
    application.cache_clear()
    for route in application().routes:
        for needed in getattr(route, "dependencies", []):
            application().dependency_overrides[needed.dependency] = lambda: None
    app, calls = FastAPI(), Counter[str]()
    [registered] = HistoflowPlugin.fastapi_apps
    app.mount(registered["url_prefix"], registered["app"])
    for service in ("s3", "sagemaker", "logs"):
        events = sources().client(service).meta.events
        events.register("before-call", lambda model, **_: calls.update([model.name]))
    yield Reader(app, calls)
    application.cache_clear()
    sources.cache_clear()


@pytest.fixture
def reader(everything: Reader) -> Reader:
    """A process that has asked for nothing yet, but for its AWS clients, which take a second to make."""
    made = sources()._clients
    sources.cache_clear()
    sources()._clients.update(made)
    return everything


def test_the_history_costs_a_listing_a_partition_and_what_has_changed(
    reader: Reader, store: ObjectStore
) -> None:
    found = reader.get("api/partitions")
    assert [one["partition"] for one in found["partitions"]] == PARTITIONS[-36:]
    assert found["left_out"] >= 2
    assert reader.calls == {"ListObjectsV2": 1 + 36, "GetObject": 36 * 6}
    [newest] = found["partitions"][-1:]
    assert newest["synthetic"]
    assert {one["name"] for one in newest["candidates"]} == {*VARIANTS, "champion"}

    key = layout.metrics(NEWEST, "mxnet")
    store.put(key, store.get(key) + b" ")
    reader.get("api/partitions")
    assert reader.calls == {"ListObjectsV2": 1 + 3, "GetObject": 1}


def test_a_partition_has_all_that_was_measured_and_decided(reader: Reader) -> None:
    found = reader.get(f"api/partitions/{NEWEST}")
    metrics = [one["key"] for one in found["metrics"]]
    assert metrics[:2] == ["balanced_accuracy", "recall"]
    assert len(metrics) == 11
    assert found["decision"]["outcome"] == "deploy"
    by_name = {one["name"]: one for one in found["candidates"]}
    assert list(by_name) == [*VARIANTS, "champion"]
    mxnet = by_name["mxnet"]
    assert (mxnet["pages"], mxnet["heatmaps"]) == (
        ["report.html", "card.html", "metrics.json"],
        ["8863.png", "9083.png"],
    )
    assert (mxnet["temperature"], mxnet["bias"], mxnet["test"]["patients"]) == (1.4, -0.2, 30)
    assert by_name["builtin-sdk"]["test"]["metrics"]["roc_auc"]["low"] is None
    assert reader.get("api/partitions/0001-01")["candidates"] == []
    assert reader.ask("api/partitions/..%2Fx").status_code == 404


def test_older_and_broken_documents_take_nothing_away_from_the_others(
    reader: Reader, store: ObjectStore
) -> None:
    old = {"variant": "mxnet", "test": {"patients": 3, "f1": {"value": 0.5, "low": None, "high": None}}}
    store.put(layout.metrics("9980-01", "mxnet"), json.dumps(old).encode())
    store.put(layout.metrics("9980-01", "tensorflow"), b'{"cut')
    store.put("candidates/9980-01/decision.json", b"[]")
    store.put(layout.metrics("9980-01", "retired"), json.dumps(old).encode())

    found = reader.get("api/partitions/9980-01")

    assert [one["key"] for one in found["metrics"]] == ["f1"]
    assert [one["name"] for one in found["candidates"]] == ["tensorflow", "mxnet", "retired"]
    assert (found["decision"], found["candidates"][0]["test"]["metrics"]) == (None, {})


def test_the_newest_days_that_monitoring_looked_at(reader: Reader, store: ObjectStore) -> None:
    odd = {
        "monitoring/old copy/x.json": b"{}",
        layout.monitoring("9991-01-01"): b'{"feedback": null}',
        layout.monitoring("9991-01-02"): b"[]",
    }
    for key, body in odd.items():
        store.put(key, body)
    try:
        found = reader.get("api/monitoring")
    finally:
        for key in odd:
            store.delete(key)

    assert [one["day"] for one in found["days"]][:2] == ["9991-01-01", f"{NEWEST}-20"]
    assert (found["days"][0]["drifted"], found["days"][0]["labels"]) == ([], None)
    assert found["days"][1]["drifted"] == ["hematoxylin"]
    assert [one["outcome"] for one in found["days"]].count("retrain") == 2
    assert found["left_out"] >= 8


def test_a_browser_that_has_the_answer_is_not_sent_it_again(reader: Reader) -> None:
    first = reader.ask("api/tuning")
    [tuned] = [one for one in first.json()["variants"] if one["variant"] == "mxnet"]
    assert tuned["current"]["partition"] == NEWEST
    assert [one["partition"] for one in tuned["history"]] == [PARTITIONS[-2]]
    again = reader.ask("api/tuning", {"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_jobs_are_listed_once_described_once_and_then_only_what_changed(reader: Reader) -> None:
    sources().jobs.fresh_s = 3600
    asked = {"text": "shown-", "size": 25}
    found = reader.get("api/jobs", **asked)
    assert (found["total"], found["pages"], len(found["jobs"])) == (JOBS, 10, 25)
    assert sum(found["counts"].values()) == JOBS
    assert found["jobs"][0]["name"].startswith("shown-0249-")
    assert (found["jobs"][0]["instance_type"], found["problems"]) == ("ml.c5.2xlarge", [])
    lists = {name: number for name, number in reader.calls.items() if name.startswith("List")}
    assert set(lists) == {
        f"List{kind}Jobs" for kind in ("Training", "Processing", "Transform", "HyperParameterTuning")
    }
    assert sum(number for name, number in reader.calls.items() if name.startswith("Describe")) == 25

    reader.get("api/jobs", **asked)
    assert reader.calls == {}
    sources().jobs.fresh_s = 0
    reader.get("api/jobs", **asked)
    assert reader.calls == dict.fromkeys(lists, 1)


def test_jobs_are_filtered_ordered_and_paged(reader: Reader) -> None:
    kinds = ["processing", "transform"]
    asked = {"text": "shown-", "kind": kinds, "state": ["Failed"], "order": "name", "descending": False}
    failed = reader.get("api/jobs", **asked, size=100)
    names = [job["name"] for job in failed["jobs"]]
    assert names
    assert names == sorted(names)
    assert {job["status"] for job in failed["jobs"]} == {"Failed"}
    assert {job["kind"] for job in failed["jobs"]} <= {"processing", "transform"}
    assert failed["counts"]["Completed"] > 0
    assert reader.get("api/jobs", text="shown-", page=10)["jobs"][-1]["name"] == "shown-0000-training"
    for wrong in ({"order": "price"}, {"page": 0}, {"size": 101}, {"text": "x" * 64}):
        assert reader.ask("api/jobs", **wrong).status_code == 422
    assert reader.ask("api/jobs", kind="x").status_code == 404


def test_what_iam_forbids_is_said_and_spoils_nothing_else(reader: Reader) -> None:
    message = "User: arn:aws:iam::1:user/x is not authorized to perform: sagemaker:ListProcessingJobs"
    body = json.dumps({"__type": "AccessDeniedException", "message": message}).encode()

    class Raw:
        def stream(self, *_: object, **__: object) -> Iterator[bytes]:
            yield body

    def deny(request: Any, **_: object) -> AWSResponse:
        return AWSResponse(request.url, 400, {"Content-Type": "application/x-amz-json-1.1"}, Raw())

    events = sources().client("sagemaker").meta.events
    for operation in ("ListProcessingJobs", "Search"):
        events.register(f"before-send.sagemaker.{operation}", deny)
    try:
        found, endpoint = reader.get("api/jobs", text="shown-"), reader.get("api/endpoint")
    finally:
        for operation in ("ListProcessingJobs", "Search"):
            events.unregister(f"before-send.sagemaker.{operation}", deny)

    assert {job["kind"] for job in found["jobs"]} == {"training", "transform"}
    [problem] = found["problems"]
    assert message in problem
    assert (endpoint["endpoint"], endpoint["versions"]) == (None, [])
    assert "AccessDeniedException" in endpoint["problems"][0]


def test_a_job_in_full_and_none_of_that_name(reader: Reader) -> None:
    found = reader.get("api/jobs/TrainingJob/shown-0001-training")
    assert (found["kind"], found["hyperparameters"]) == ("training", {"epochs": "16"})
    assert found == reader.get("api/jobs/training/shown-0001-training")
    missing = reader.ask("api/jobs/training/nobody")
    assert missing.status_code == 404
    assert "TrainingJob nobody" in missing.json()["detail"]
    assert reader.ask("api/jobs/other/shown-0001-training").status_code == 404


def test_a_log_is_read_from_its_end_and_then_as_it_grows(reader: Reader, embedded_aws: LocalAws) -> None:
    path, logs = "api/jobs/transform/shown-log/log", embedded_aws.client("logs")
    assert reader.get(path)["streams"] == []
    group, stream = "/aws/sagemaker/TransformJobs", "shown-log/i-1"
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)

    def write(*texts: str) -> None:
        now = int(time.time() * 1000)
        logs.put_log_events(
            logGroupName=group,
            logStreamName=stream,
            logEvents=[{"timestamp": now, "message": text} for text in texts],
        )

    write("one", "<b>two</b>")
    found = reader.get(path)
    assert ([text for _, text in found["lines"]], found["stream"]) == (["one", "<b>two</b>"], stream)
    write("three")
    more = reader.get(path, stream=stream, token=found["token"])
    assert [text for _, text in more["lines"]] == ["three"]
    assert reader.get(path, stream=stream, token=more["token"])["lines"] == []
    assert reader.get(path, stream="other-job/i-1", token="x")["lines"] == []
    logs.delete_log_stream(logGroupName=group, logStreamName=stream)


def test_files_of_a_candidate_can_do_nothing(reader: Reader) -> None:
    page = reader.ask(f"candidates/{NEWEST}/mxnet/report.html")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "sandbox" in page.headers["content-security-policy"]
    picture = reader.ask(f"candidates/{NEWEST}/mxnet/heatmaps/8863.png")
    assert (picture.headers["content-type"], picture.content) == ("image/png", showcase.PICTURE)
    for path in (
        "mxnet/predictions.csv",
        "mxnet/heatmaps/..%2Fmetrics.json",
        "mxnet/heatmaps/x.svg",
        "tensorflow/report.html",
        "..%2F..%2Fx/report.html",
    ):
        assert reader.ask(f"candidates/{NEWEST}/{path}").status_code == 404, path


def test_the_page_runs_only_what_is_its_own(reader: Reader) -> None:
    models, job = (reader.ask(path) for path in ("models", "jobs/training/x"))
    assert "script-src 'self'" in models.headers["content-security-policy"]
    assert 'src="static/main.js"' in models.text
    assert 'src="../../static/main.js"' in job.text
    assert "not a diagnostic device" in models.text
    script = reader.ask("static/main.js")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert reader.ask("static/main.js", {"If-None-Match": script.headers["etag"]}).status_code == 304
    for name in ("page.html", "nothing.js", "..%2Fshell.py"):
        assert reader.ask(f"static/{name}").status_code == 404
