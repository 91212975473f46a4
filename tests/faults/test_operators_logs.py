"""The log of a job in the log of its task: every line once, however the waiting was interrupted."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path
from typing import Any

import airflow_task
import pytest
from local_aws import LocalAws, wait_until

from histoflow import positions
from histoflow.joblog import KEY
from histoflow.operators.sagemaker import SageMakerProcessingOperator
from idc.jobs.spec import JobKind, JobSpec

pytestmark = pytest.mark.slow

LINES = 40
SCRIPT = f"""
import pathlib, time
for n in range({LINES}):
    while n == {LINES // 2} and not pathlib.Path("MAY_END").exists():
        time.sleep(0.05)
    print(f"line {{n:03d}}.", flush=True)
    time.sleep(0.1)
"""


class Store(dict[str, Any]):
    """The values that Airflow keeps for a task, as its task state store gives and takes them."""

    def set(self, key: str, value: Any) -> None:
        """Keep a value."""
        self[key] = value


@pytest.fixture(autouse=True)
def at_the_embedded_aws(embedded_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in embedded_aws.env.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def may_end(tmp_path: Path) -> Path:
    """The file whose absence stops the job half way."""
    return tmp_path / "may-end"


@pytest.fixture
def spec(embedded_aws: LocalAws, may_end: Path) -> dict[str, Any]:
    """A job that writes its lines one by one."""
    script = may_end.with_name("lines.py")
    script.write_text(SCRIPT.replace("MAY_END", str(may_end)))
    request = {
        "AppSpecification": {
            "ImageUri": embedded_aws.image,
            "ContainerEntrypoint": ["python3", str(script)],
        },
        "ProcessingResources": {
            "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
        },
        "RoleArn": embedded_aws.role_arn,
    }
    return JobSpec(JobKind.PROCESSING, f"lines-{time.time_ns()}", request).to_dict()


def task(spec: dict[str, Any], **options: Any) -> SageMakerProcessingOperator:
    return SageMakerProcessingOperator(task_id="convert", spec=spec, **options)


def printed(capsys: pytest.CaptureFixture[str]) -> list[int]:
    """Return the numbers of the lines that have been printed since the last call."""
    found = re.findall(r"line (\d{3})\.", capsys.readouterr().out)
    return [int(number) for number in found]


def test_a_worker_that_waits_prints_each_line_as_it_comes(
    spec: dict[str, Any], may_end: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    operator, polls = task(spec, deferrable=False), []
    events = operator.hook.api.meta.events
    said: list[int] = []

    def look(**_: Any) -> None:
        said.extend(printed(capsys))
        polls.append(len(said))
        if said:
            may_end.touch()

    events.register("before-send.sagemaker.DescribeProcessingJob", look)
    airflow_task.begin(operator)
    said.extend(printed(capsys))

    assert said == list(range(LINES))
    assert any(0 < count < LINES for count in polls), "lines are printed before the job has ended"


def test_the_next_try_goes_on_where_the_killed_one_stopped(
    spec: dict[str, Any], may_end: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first try's process ends while it waits, as by kill -9."""
    store, first = Store(), task(spec, deferrable=False)

    class Killed(BaseException):
        pass

    def kill(**_: Any) -> None:
        if store.get(KEY, {}).get("lines", 0) > 3:
            raise Killed

    first.hook.api.meta.events.register("before-send.sagemaker.DescribeProcessingJob", kill)
    with pytest.raises(Killed):
        first.execute.__wrapped__(first, {"task_state_store": store})  # type: ignore[attr-defined]
    before = printed(capsys)
    may_end.touch()
    second = task(spec, deferrable=False)
    second.execute.__wrapped__(second, {"task_state_store": store})  # type: ignore[attr-defined]

    assert 3 < len(before) < LINES
    assert before + printed(capsys) == list(range(LINES))


def test_a_trigger_prints_on_the_way_and_the_resumed_task_the_rest(
    spec: dict[str, Any], may_end: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    may_end.touch()
    operator = task(spec)
    deferred = airflow_task.deferral(operator)
    event = asyncio.run(airflow_task.first_event(airflow_task.revived(deferred.trigger)))
    on_the_way = printed(capsys)
    airflow_task.resume(task(spec), deferred, event)

    assert on_the_way
    assert on_the_way + printed(capsys) == list(range(LINES))


def test_a_long_log_is_cut_and_its_end_is_shown(
    spec: dict[str, Any],
    may_end: Path,
    embedded_aws: LocalAws,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    may_end.touch()
    monkeypatch.setattr(positions, "MOST_LINES", 5)
    monkeypatch.setattr("histoflow.hooks.logs.LINES", 3)
    deferred = airflow_task.deferral(task(spec))
    name = JobSpec.from_dict(JobKind.PROCESSING, spec).name()
    wait_until(
        lambda: (
            embedded_aws.client("sagemaker").describe_processing_job(ProcessingJobName=name)[
                "ProcessingJobStatus"
            ]
            == "Completed"
        )
    )

    event = asyncio.run(airflow_task.first_event(airflow_task.revived(deferred.trigger)))
    airflow_task.resume(task(spec), deferred, event)

    assert printed(capsys) == [0, 1, 2, 3, 4, LINES - 3, LINES - 2, LINES - 1]
