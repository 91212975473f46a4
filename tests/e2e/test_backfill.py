"""Three months rebuilt: a sample that grows, three partitions, datasets and models, and their chart.

On the way the triggerer, the scheduler with its workers, and the embedded AWS while it trains are killed
with -9: there is one job a step still.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import local_aws
import psutil
import pytest
from collector import Collector
from local_aws import REPOSITORY, wait_until
from playwright.sync_api import Browser, expect
from workshop import Workshop, opened

from embedded_aws.supervision import processes
from idc import layout

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

BUCKET = "histoflow"
LINEAGE = "lineage.jsonl"
MONTHS = ["2026-01", "2026-02", "2026-03"]
ARCHIVE = "synthetic://?patients=8&patches=160&seed=7&grows=2&since=2026-01"
THEN = {"idc_train": {"variants": ["mxnet"], "epochs": 1}}
LIMIT_S = 1500


def airflow(workshop: Workshop, *arguments: str) -> str:
    """Run a command of Airflow as an operator does, on the running stack."""
    done = subprocess.run(
        [str(REPOSITORY / "bin" / "airflow"), *arguments],
        env=workshop.variables,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def backfill(workshop: Workshop, first: str, last: str, then: dict[str, Any], *options: str) -> None:
    conf = json.dumps({"archive": ARCHIVE, "then": then})
    dates = ("--from-date", f"{first}-01", "--to-date", f"{last}-02")
    airflow(
        workshop, "backfill", "create", "--dag-id", "idc_ingest", *dates, "--dag-run-conf", conf, *options
    )


def backfill_in_browser(browser: Browser, workshop: Workshop, month: str, then: dict[str, Any]) -> None:
    """Rebuild a month by the form of Airflow's interface."""
    context = browser.new_context(base_url=workshop.airflow_url, viewport={"width": 1440, "height": 1000})
    context.add_cookies([{"name": "_token", "value": workshop.token(), "url": workshop.airflow_url}])
    page = context.new_page()
    page.goto("/dags/idc_ingest")
    page.get_by_role("button", name="Trigger").first.click()
    form = page.get_by_role("dialog")
    form.get_by_text("Run this Dag for a range of dates").click()
    for number, day in enumerate((f"{month}-01", f"{month}-02")):
        form.get_by_test_id("datetime-input").nth(number).click()
        for placeholder, value in (("YYYY/MM/DD", day.replace("-", "/")), ("HH:mm", "00:00")):
            page.get_by_placeholder(placeholder).last.fill(value)
            page.get_by_placeholder(placeholder).last.press("Enter")
        page.keyboard.press("Escape")
        expect(page.get_by_placeholder("HH:mm")).to_have_count(0)
    form.get_by_text("All Runs").click()
    form.get_by_text("Override parameters on existing runs").click()
    form.locator("#element_archive").fill(ARCHIVE)
    form.locator(".monaco-editor .view-lines").first.click()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")  # what is typed over a selection would be put around it
    page.keyboard.insert_text(json.dumps(then))
    expect(form.get_by_role("button", name="Run Backfill")).to_be_enabled()
    with page.expect_response(lambda answer: answer.url.endswith("/api/v2/backfills")) as sent:
        form.get_by_role("button", name="Run Backfill").click()
    assert sent.value.ok, sent.value.text()
    context.close()


def ended(workshop: Workshop, dag_id: str, count: int) -> bool:
    """Tell whether so many runs of these months have succeeded; one that failed is the end of the test."""
    with workshop.airflow() as api:
        runs = [run for run in api.runs(limit=100) if run["partition_key"] in MONTHS]
    found = [(run["dag_id"], run["state"]) for run in runs]
    assert not [one for one, state in found if state == "failed"], found
    return found.count((dag_id, "success")) >= count


def read(workshop: Workshop, key: str) -> bytes:
    return bytes(workshop.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read())


def read_json(workshop: Workshop, key: str) -> dict[str, Any]:
    return dict(json.loads(read(workshop, key)))


def training_jobs(workshop: Workshop) -> list[str]:
    found = workshop.client("sagemaker").list_training_jobs(MaxResults=100)["TrainingJobSummaries"]
    return [job["TrainingJobName"] for job in found if "2026-0" in job["TrainingJobName"]]


def states(workshop: Workshop, dag_id: str) -> set[str]:
    """Return the states that tasks of a DAG's runs are in."""
    with workshop.airflow() as api:
        found = [api.task_instances(dag_id, run["dag_run_id"]) for run in api.runs(dag_id)]
    return {str(task["state"]) for tasks in found for task in tasks if task["state"]}


def kill(workshop: Workshop, component: str) -> None:
    """Kill a component of Airflow and all its children with -9; its supervisor starts another."""
    roots, doomed = [], set()
    for one in workshop.processes():
        with contextlib.suppress(psutil.NoSuchProcess):  # tasks come and go
            if f"airflow {component}" in " ".join(one.cmdline()):
                roots.append(one)
                doomed |= {one, *one.children(recursive=True)}
    assert roots, component
    local_aws.kill(doomed)


def kill_aws(workshop: Workshop) -> None:
    """Kill all servers of the embedded AWS with -9, S3 among them; its supervisor starts others."""
    own = processes.belonging_to(Path(workshop.home) / "aws")
    [supervisor] = [one.process for one in own if one.role == "supervisord"]
    servers = supervisor.children()
    assert len(servers) >= 4, servers
    local_aws.kill(servers)


def trains(workshop: Workshop) -> bool:
    """Tell whether a training job has begun to run."""
    sagemaker = workshop.client("sagemaker")
    return any(
        sagemaker.describe_training_job(TrainingJobName=name)["SecondaryStatus"] == "Training"
        for name in training_jobs(workshop)
    )


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    """A listener for Airflow's metrics."""
    collector = Collector()
    yield collector
    collector.shutdown()
    collector.server_close()


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Workshop]:
    """A home whose Airflow sends metrics to the collector, and lineage into a file."""
    home = tmp_path_factory.mktemp("months")
    lineage = {"type": "file", "log_file_path": str(home / LINEAGE), "append": True}
    observed = {
        "AIRFLOW__METRICS__OTEL_ON": "True",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}",
        "OTEL_METRIC_EXPORT_INTERVAL": "5000",
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(lineage),
    }
    with opened(home, **observed) as made:
        yield made


@pytest.fixture(scope="module")
def history(workshop: Workshop) -> str:
    """The page on all partitions after a backfill of three months."""
    up = workshop.make("up")
    assert up.returncode == 0, up.stdout[-4000:] + up.stderr[-2000:]
    with workshop.airflow() as api:
        for dag_id in ("idc_ingest", "idc_convert", "idc_train", "idc_deploy", "idc_history"):
            wait_until(lambda dag_id=dag_id: api.dag(dag_id), 120, 1)  # type: ignore[misc]
    backfill(workshop, MONTHS[0], MONTHS[-1], THEN, "--max-active-runs", "2")
    wait_until(lambda: "deferred" in states(workshop, "idc_convert"), 300, 0.5)
    kill(workshop, "triggerer")
    wait_until(lambda: states(workshop, "idc_train"), LIMIT_S, 0.5)
    kill(workshop, "scheduler")  # and with it the workers, which are its children
    wait_until(lambda: trains(workshop), LIMIT_S, 0.1)
    kill_aws(workshop)
    wait_until(lambda: ended(workshop, "idc_history", len(MONTHS)), LIMIT_S, 2)
    return read(workshop, layout.history_page()).decode()


def test_every_month_has_more_patients_and_a_dataset_and_a_measured_model_of_its_own(
    workshop: Workshop, history: str
) -> None:
    manifests = [read_json(workshop, layout.manifest(month)) for month in MONTHS]
    metrics = [read_json(workshop, layout.metrics(month, "mxnet")) for month in MONTHS]

    assert [manifest["patients"] for manifest in manifests] == [8, 10, 12]
    assert len({one["dataset_digest"] for one in metrics}) == len(MONTHS)
    assert len({one["model_data"] for one in metrics}) == len(MONTHS)
    assert Counter(name.rpartition("-mxnet-")[0] for name in training_jobs(workshop)) == {
        f"idc-train-{month}": 1 for month in MONTHS
    }


def test_the_page_shows_all_months(workshop: Workshop, history: str) -> None:
    assert all(month in history for month in MONTHS)
    assert "SYNTHETIC DATA" in history
    assert read(workshop, layout.history_picture()).startswith(b"\x89PNG")


def test_each_run_keeps_what_it_was_asked_for(workshop: Workshop, history: str) -> None:
    pages = workshop.client("s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="runs/")
    kept = [read_json(workshop, item["Key"]) for page in pages for item in page["Contents"]]
    ingested = [one for one in kept if one["dag_id"] == "idc_ingest"]
    trained = [one for one in kept if one["dag_id"] == "idc_train"]

    assert {one["partition"] for one in ingested} >= set(MONTHS)
    assert {one["run_type"] for one in ingested if one["partition"] in MONTHS} == {"backfill"}
    assert all(
        one["conf"] == {"archive": ARCHIVE, "then": THEN} for one in ingested if one["partition"] in MONTHS
    )
    assert all(one["params"]["epochs"] == 1 for one in trained if one["partition"] in MONTHS)


def test_the_log_of_a_deferred_job_is_in_the_tasks_log_once_and_its_buttons_lead_to_it(
    workshop: Workshop, history: str
) -> None:
    with workshop.airflow() as api:
        run_id = api.runs("idc_train")[0]["dag_run_id"]
        [task] = [one for one in api.task_instances("idc_train", run_id) if one["task_id"] == "train"]
        lines = [line for line in api.log(task) if "epoch=" in line]
        path = f"/dags/idc_train/dagRuns/{run_id}/taskInstances/train/links?map_index=0"
        links = api._request("GET", path).json()["extra_links"]

    assert lines
    assert max(Counter(lines).values()) == 1
    assert "/histoflow/jobs/TrainingJob/idc-train-" in links["SageMaker job"]
    assert links["Model card"].endswith("/mxnet/card.html")


def test_finished_work_is_reused_and_only_what_is_asked_for_is_done_again(
    workshop: Workshop, history: str, browser: Browser
) -> None:
    before = read_json(workshop, layout.candidate(MONTHS[-1], "mxnet"))
    digest = read_json(workshop, layout.dataset_pointer(MONTHS[-1]))
    then = {"idc_train": {**THEN["idc_train"], "rebuild": True}}

    backfill_in_browser(browser, workshop, MONTHS[-1], then)
    wait_until(lambda: ended(workshop, "idc_train", len(MONTHS) + 1), LIMIT_S, 2)

    after = read_json(workshop, layout.candidate(MONTHS[-1], "mxnet"))
    assert after["training_job"] != before["training_job"]
    assert read_json(workshop, layout.dataset_pointer(MONTHS[-1])) == digest
    assert len(training_jobs(workshop)) == len(MONTHS) + 1
    jobs = workshop.client("sagemaker").list_processing_jobs(MaxResults=100)["ProcessingJobSummaries"]
    assert len([job for job in jobs if MONTHS[-1] in job["ProcessingJobName"]]) == 1


def test_lineage_names_what_the_jobs_read_and_wrote(workshop: Workshop, history: str) -> None:
    events = [json.loads(line) for line in (Path(workshop.home) / LINEAGE).read_text().splitlines()]
    done = {
        event["job"]["name"]: event
        for event in events
        if event["eventType"] == "COMPLETE" and "externalQuery" in event["run"]["facets"]
    }
    [digest, *_] = [read_json(workshop, layout.dataset_pointer(month))["dataset_digest"] for month in MONTHS]

    converted, trained = done["idc_convert.convert"], done["idc_train.train"]
    assert {one["namespace"] for one in converted["inputs"] + trained["outputs"]} == {f"s3://{BUCKET}"}
    assert any(one["name"].endswith("archive.zip") for one in converted["inputs"])
    assert any(one["name"].startswith("datasets/") for one in trained["inputs"])
    assert any(digest in line for line in map(json.dumps, events))


def test_metrics_reach_a_collector(workshop: Workshop, collector: Collector, history: str) -> None:
    wait_until(lambda: b"airflow.ti.finish" in collector.received.get("/v1/metrics", b""), 60)


def test_the_pool_keeps_the_slots_of_deferred_tasks_and_takes_another_size(
    workshop: Workshop, history: str
) -> None:
    with workshop.airflow() as api:
        before = api._request("GET", "/pools/histoflow_sagemaker").json()
        api.ensure_pool("histoflow_sagemaker", 5, "more")
        after = api._request("GET", "/pools/histoflow_sagemaker").json()

    assert (before["slots"], before["include_deferred"]) == (4, True)
    assert (after["slots"], after["include_deferred"]) == (5, True)
