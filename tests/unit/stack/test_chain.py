from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from unit.stack.fake_airflow import PASSWORD, FakeAirflow, FakeRun, task

from stack import chain
from stack.chain import Follower
from stack.errors import DemoFailed
from stack.joblogs import JobLogs
from stack.rest import AirflowApi


class NoLogs:
    """CloudWatch Logs before any job has written."""

    def describe_log_streams(self, **_: object) -> dict[str, list[object]]:
        return {"logStreams": []}


class NoClients:
    logs = NoLogs()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "POLL_S", 0.01)


def follower(airflow: FakeAirflow, timeout_s: float = 30) -> Follower:
    logs = JobLogs(NoClients(), datetime.now(UTC))  # type: ignore[arg-type]
    return Follower(AirflowApi(airflow.url, "admin", PASSWORD), logs, timeout_s)


def two_runs(convert: FakeRun) -> list[FakeRun]:
    ingest = [
        [task("snapshot", None)],
        [task("snapshot", "running")],
        [task("snapshot", "success")],
        [task("snapshot", "success")],
    ]
    return [FakeRun("idc_ingest", "r1", ingest), convert]


def test_follows_from_run_to_run_and_prints_each_change_once(
    airflow: FakeAirflow, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = [
        [task("convert", "running")],
        [task("convert", "deferred")],
        [task("convert", "running")],
        [task("convert", "success", map_index=0)],
        [task("convert", "success", map_index=0)],
    ]
    earlier = FakeRun("idc_convert", "old", [[]], queued_at="2026-11-01T00:00:00Z")
    elsewhere = FakeRun("idc_convert", "other", [[]], partition="2026-09", queued_at="2026-11-23T09:10:00Z")
    ours = FakeRun("idc_convert", "r2", steps, queued_at="2026-11-23T09:05:00Z")
    airflow.runs = [*two_runs(ours), earlier, elsewhere]

    follower(airflow).follow(airflow.runs[0].shown(), ("idc_ingest", "idc_convert"))

    lines = [line.split("] ", 1)[1] for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "idc_ingest: partition 2026-10",
        "  snapshot: running",
        "  snapshot: success (2.0 s)",
        "idc_convert: partition 2026-10",
        "  convert: running",
        "  convert: waits for its job",
        "  convert[0]: success (2.0 s)",
    ]


def test_a_failed_task_stops_it_with_the_end_of_its_log(airflow: FakeAirflow) -> None:
    lines = [{"timestamp": "t", "event": f"line {number}", "level": "info"} for number in range(100)]
    airflow.logs["convert"] = lines
    failed = task("convert", "failed", try_number=2)
    steps = [[task("plan", "success"), failed, task("publish", "upstream_failed")]]
    airflow.runs = two_runs(FakeRun("idc_convert", "r2", steps, "failed", queued_at="2026-11-23T09:05:00Z"))

    with pytest.raises(DemoFailed) as caught:
        follower(airflow).follow(airflow.runs[0].shown(), ("idc_ingest", "idc_convert"))

    message = str(caught.value)
    assert message.startswith("task idc_convert.convert: failed in attempt 2, expected success.")
    assert message.endswith("| INFO line 99")
    assert "line 59" not in message


def test_a_retry_is_announced_with_its_reason(
    airflow: FakeAirflow, capsys: pytest.CaptureFixture[str]
) -> None:
    airflow.logs["snapshot"] = [{"timestamp": "t", "event": "S3 answered 503", "level": "error"}]
    steps = [[task("snapshot", "up_for_retry")], [task("snapshot", "success", try_number=2)]]
    airflow.runs = [FakeRun("idc_ingest", "r1", steps)]

    follower(airflow).follow(airflow.runs[0].shown(), ("idc_ingest",))

    printed = capsys.readouterr().out
    assert "snapshot: attempt 1 failed, will be tried again" in printed
    assert "ERROR S3 answered 503" in printed


def test_there_is_a_sign_of_life_while_nothing_changes(
    airflow: FakeAirflow, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "HEARTBEAT_S", 0.05)
    steps = [[task("train", "deferred")] for _ in range(30)] + [[task("train", "success")]] * 2
    airflow.runs = [FakeRun("idc_train", "r1", steps)]

    follower(airflow).follow(airflow.runs[0].shown(), ("idc_train",))

    assert re.search(r"… idc_train: still at train \(deferred\), \d+ s", capsys.readouterr().out)


def test_the_whole_has_a_time_limit(airflow: FakeAirflow) -> None:
    airflow.runs = [FakeRun("idc_train", "r1", [[task("train", "running")] for _ in range(1000)])]

    with pytest.raises(DemoFailed, match="HISTOFLOW_DEMO_TIMEOUT_S"):
        follower(airflow, timeout_s=0.1).follow(airflow.runs[0].shown(), ("idc_train",))


def test_a_next_run_that_does_not_come_is_an_error(
    airflow: FakeAirflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "NEXT_RUN_S", 0.1)
    airflow.runs = two_runs(FakeRun("idc_convert", "old", [[]], queued_at="2026-11-01T00:00:00Z"))

    with pytest.raises(DemoFailed, match="DAG idc_convert: no run of partition 2026-10"):
        follower(airflow).follow(airflow.runs[0].shown(), ("idc_ingest", "idc_convert"))


def test_paused_dags_are_let_go(airflow: FakeAirflow) -> None:
    airflow.dags = {
        "idc_ingest": {"is_paused": True, "is_stale": False},
        "idc_convert": {"is_paused": False, "is_stale": False},
    }

    follower(airflow).wait_until_known(("idc_ingest", "idc_convert"))

    assert airflow.unpaused == ["idc_ingest"]


def test_a_dag_file_that_does_not_load_is_shown(airflow: FakeAirflow) -> None:
    airflow.import_errors = [{"filename": "idc_train.py", "stack_trace": "SyntaxError: oh"}]

    with pytest.raises(DemoFailed, match=r"(?s)1 do not load.*idc_train\.py.*SyntaxError: oh"):
        follower(airflow).wait_until_known(("idc_train",))
