"""The page Breast cancer models, in a real Airflow's interface and in a real browser."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import local_aws
import psutil
import pytest
import showcase
from local_aws import LocalAws, kill, wait_until
from playwright.sync_api import Browser, ConsoleMessage, FrameLocator, Page, expect

from idc.storage import ObjectStore
from stack import database, keys
from stack.airflow import airflow_environment, component_commands
from stack.settings import StackSettings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PARTITIONS = showcase.months(36)
NEWEST = PARTITIONS[-1]
JOBS = 1000
NETWORK_CHANGED = "net::ERR_NETWORK_CHANGED"  # Chromium's, when an interface of the machine comes or goes
FAILED = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """An embedded AWS with three years of work in it."""
    home = tmp_path_factory.mktemp("shown")
    started = local_aws.start(home / "home", home / "runtimes.toml", "--stop-grace-s", "1")
    showcase.fill_bucket(ObjectStore(started.client("s3"), started.bucket), PARTITIONS)
    showcase.fill_jobs(started, JOBS)
    showcase.serve(started, NEWEST)
    yield started
    started.down()


@pytest.fixture(scope="module")
def airflow(aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackSettings]:
    """Airflow's API server alone: it serves the interface and the pages."""
    home = tmp_path_factory.mktemp("airflow")
    settings = StackSettings(
        home=home,
        envs=local_aws.ENVIRONMENTS,
        aws_port=aws.port,
        s3_port=aws.s3_port,
        airflow_port=aws.port + 2,
        bucket=aws.bucket,
    )
    variables = {name: value.strip("'") for name, value in aws.env.items()}
    environment = {
        **airflow_environment(settings, {**variables, "HISTOFLOW_ROLE_ARN": aws.role_arn}),
        "AIRFLOW__API__BASE_URL": settings.airflow_url,
    }
    keys.admin_password(settings.airflow_home)
    database.migrate_once(settings, environment)
    log = home / "api-server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            component_commands(settings)["api-server"], env=environment, stdout=output, stderr=output
        )
    try:
        wait_until(lambda: _answers(settings.airflow_url, process, log), 300, 0.2)
        yield settings
    finally:
        # It has nothing to save, and its own shutdown takes its time.
        kill([*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)])
        process.wait(60)


def _answers(url: str, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, log.read_text()[-3000:]
    try:
        return httpx.get(f"{url}/api/v2/version", trust_env=False).is_success
    except httpx.TransportError:
        return False


@pytest.fixture
def page(browser: Browser, airflow: StackSettings) -> Iterator[Page]:
    """A window of somebody who is logged in; what the page complains of on its console fails the test."""
    answer = httpx.post(
        f"{airflow.airflow_url}/auth/token",
        json={"username": keys.ADMIN, "password": keys.admin_password(airflow.airflow_home)},
        trust_env=False,
        timeout=60,
    )
    context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=airflow.airflow_url)
    context.add_cookies(
        [{"name": "_token", "value": answer.json()["access_token"], "url": airflow.airflow_url}]
    )
    opened, complaints = context.new_page(), []

    def listen(message: ConsoleMessage) -> None:
        is_ours = "/histoflow/" in message.location.get("url", "")
        if message.type == "error" and is_ours and NETWORK_CHANGED not in message.text:
            complaints.append(message.text)

    opened.on("console", listen)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert complaints == []


def shown(page: Page, picture: str) -> None:
    """Keep a picture of the window where somebody wants to look at it."""
    if folder := os.environ.get("HISTOFLOW_SCREENSHOTS"):
        page.wait_for_timeout(400)
        page.screenshot(path=Path(folder) / f"{picture}.png")


def in_airflow(page: Page) -> FrameLocator:
    """The page within Airflow's interface."""
    page.goto("/plugin/breast-cancer-models")
    frame = page.frame_locator('iframe[title="Breast cancer models"]')
    expect(frame.get_by_role("heading", name="Breast cancer models")).to_be_visible(timeout=30_000)
    expect(frame.locator("section[aria-busy=true]")).to_have_count(0, timeout=30_000)
    return frame


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_stands_in_airflows_interface_in_its_colours(page: Page, theme: str) -> None:
    page.goto("/")
    page.get_by_role("link", name="Breast cancer models").first.wait_for(timeout=30_000)
    page.evaluate("theme => localStorage.setItem('theme', theme)", theme)

    frame = in_airflow(page)

    expect(frame.locator("html")).to_have_attribute("data-theme", theme)
    expect(frame.get_by_text("Research software, not a diagnostic device").first).to_be_visible()
    expect(frame.get_by_text("SYNTHETIC DATA")).to_be_visible()
    table = frame.get_by_role("region", name="Metrics of the candidates")
    expect(table.get_by_role("columnheader")).to_have_text(
        [re.compile(name) for name in ("builtin-lowlevel", "builtin-sdk", "tensorflow", "mxnet", "champion")]
    )
    expect(table.get_by_role("row", name="Sensitivity at 90 %")).to_be_visible()
    expect(frame.get_by_text("not worse than v1-mxnet")).to_be_visible()
    expect(frame.locator("#endpoint").get_by_text("version 2: mxnet")).to_be_visible()
    expect(frame.locator("#jobs").get_by_text(f"1–25 of {JOBS:,}")).to_be_visible()
    shown(page, f"ui-models-{theme}")
    for section in ("History", "Monitoring", "Jobs"):
        frame.get_by_role("link", name=section, exact=True).click()
        expect(frame.get_by_role("heading", name=section)).to_be_focused()
        shown(page, f"ui-{section.lower()}-{theme}")


def test_jobs_are_found_ordered_and_paged_by_keyboard(page: Page) -> None:
    page.goto("/histoflow/models")
    jobs = page.locator("#jobs")
    expect(jobs.get_by_role("row")).to_have_count(26)

    jobs.get_by_role("button", name="Next page").press("Enter")
    expect(jobs.get_by_text("26–50 of 1,000")).to_be_visible()
    jobs.get_by_label("Find").fill("-processing")
    expect(jobs.get_by_text("1–25 of 250")).to_be_visible()
    jobs.get_by_label("Failed").press("Space")
    expect(jobs.locator("tbody .badge.good")).to_have_count(0)
    expect(jobs.get_by_text(FAILED).first).to_be_visible()
    jobs.get_by_role("button", name="Duration").press("Enter")
    expect(jobs.get_by_role("columnheader", name="Duration")).to_have_attribute("aria-sort", "descending")
    expect(jobs.get_by_role("button", name="Duration")).to_be_focused()


def test_a_partition_of_the_history_is_opened_and_its_report_read(page: Page) -> None:
    page.goto("/histoflow/models")
    chart = page.get_by_role("slider")
    chart.press("ArrowLeft")
    expect(page.locator("#history").get_by_role("status")).to_contain_text(PARTITIONS[-2])
    chart.press("Enter")
    expect(page.get_by_role("region", name="Metrics").locator("caption")).to_contain_text(PARTITIONS[-2])

    page.get_by_label("Partition", exact=True).select_option(NEWEST)
    page.get_by_role("link", name="Report", exact=True).click()
    expect(page.frame_locator("iframe").get_by_text("A report.html of mxnet")).to_be_visible()
    page.get_by_role("link", name="Breast cancer models").click()
    page.get_by_text("2 heatmaps").click()
    page.get_by_role("link", name="8863").click()
    expect(page.get_by_role("img", name="8863")).to_have_js_property("naturalWidth", 1)


def test_monitoring_is_told_day_by_day_and_its_report_read(page: Page) -> None:
    page.goto("/histoflow/models")
    days = page.locator("#monitoring")
    expect(days.get_by_role("row")).to_have_count(15)
    newest = days.get_by_role("row").nth(1)
    expect(newest.get_by_role("cell").nth(2)).to_have_text("hematoxylin")
    expect(newest).to_contain_text("0.830 (0.770 to 0.880)")
    expect(newest.get_by_text("train again")).to_be_visible()
    expect(days.get_by_text("6 earlier days")).to_be_visible()

    newest.get_by_role("link", name=f"{NEWEST}-20").click()
    expect(page.frame_locator("iframe").get_by_text(f"What {NEWEST}-20 was like.")).to_be_visible()


def test_a_jobs_log_grows_while_it_is_looked_at(page: Page, aws: LocalAws) -> None:
    sagemaker, s3 = aws.client("sagemaker"), aws.client("s3")
    script = (
        "import pathlib, signal\nfor epoch in range(3): print('epoch', epoch, flush=True)\nsignal.pause()"
    )
    s3.put_object(Bucket=aws.bucket, Key="live.tar.gz", Body=local_aws.archive(train=script))
    sagemaker.create_training_job(
        TrainingJobName="live",
        AlgorithmSpecification={"TrainingImage": aws.image, "TrainingInputMode": "File"},
        RoleArn=aws.role_arn,
        HyperParameters={
            "sagemaker_program": json.dumps("train.py"),
            "sagemaker_submit_directory": json.dumps(f"s3://{aws.bucket}/live.tar.gz"),
        },
        OutputDataConfig={"S3OutputPath": f"s3://{aws.bucket}/jobs"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    page.goto("/histoflow/jobs/TrainingJob/live")
    expect(page.get_by_text("in progress")).to_be_visible()
    expect(page.get_by_role("log")).to_contain_text("epoch 2", timeout=30_000)
    shown(page, "ui-job")

    sagemaker.stop_training_job(TrainingJobName="live")
    expect(page.locator("#job").get_by_text("stopped", exact=True)).to_be_visible(timeout=30_000)


def test_nobody_reads_without_logging_in(airflow: StackSettings) -> None:
    with httpx.Client(base_url=f"{airflow.airflow_url}/histoflow", trust_env=False, timeout=60) as client:
        paths = ("models", "static/main.js", "jobs/training/x", "api/jobs", "api/partitions", "api/endpoint",
                 "api/tuning", "api/monitoring", f"candidates/{NEWEST}/mxnet/report.html")  # fmt: skip
        assert {path: client.get(path).status_code for path in paths} == dict.fromkeys(paths, 401)
