from __future__ import annotations

from collections.abc import Callable

import pytest
from unit.stack.fake_airflow import PASSWORD, FakeAirflow, FakeRun, task

from stack.errors import NoAnswer, ServiceFailed
from stack.rest import AirflowApi


def client(airflow: FakeAirflow, patience_s: float = 60) -> AirflowApi:
    return AirflowApi(airflow.url, "admin", PASSWORD, patience_s)


def test_logs_in_once_and_triggers_a_partition(airflow: FakeAirflow) -> None:
    airflow.runs = [FakeRun("idc_ingest", "r1", [[]])]
    with client(airflow) as api:
        api.trigger("idc_ingest", "2026-10", {"archive": "a.zip"})
        api.run("idc_ingest", "r1")

    assert airflow.logins == 1
    body = {"logical_date": None, "partition_key": "2026-10", "conf": {"archive": "a.zip"}}
    [triggered] = airflow.triggered
    assert triggered.pop("dag_run_id").startswith("manual__2")
    assert triggered == {"dag_id": "idc_ingest", **body}


def test_a_run_is_asked_for_again_by_the_same_name(airflow: FakeAirflow) -> None:
    airflow.runs = [FakeRun("idc_ingest", "r1", [[]])]
    airflow.failures.extend([500, 503])
    with client(airflow) as api:
        api.trigger("idc_ingest", "2026-10", {})

    assert len(airflow.triggered) == 1


def test_a_run_that_was_made_though_the_server_failed_is_found(airflow: FakeAirflow) -> None:
    made = FakeRun("idc_ingest", "r1", [[]])
    airflow.runs, airflow.is_taken = [made], True
    with client(airflow) as api:
        assert api.trigger("idc_ingest", "2026-10", {}) == made.shown()


def test_a_wrong_password_is_an_error(airflow: FakeAirflow) -> None:
    with AirflowApi(airflow.url, "admin", "wrong") as api, pytest.raises(ServiceFailed, match="answered 401"):
        api.runs()


def test_waits_while_the_server_is_out_of_order(airflow: FakeAirflow) -> None:
    airflow.failures.extend([503, 500])
    with client(airflow) as api:
        assert api.runs() == []


def test_gives_up_on_a_server_that_is_not_there(free_port: Callable[[], int]) -> None:
    with (
        AirflowApi(f"http://127.0.0.1:{free_port()}", "admin", "x", patience_s=0.1) as api,
        pytest.raises(ServiceFailed, match=r"expected an answer within 0 s\. See `make status`"),
    ):
        api.runs()


def test_a_read_time_out_is_named(airflow: FakeAirflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stack.rest.TIMEOUT_S", 0.1)
    airflow.may_answer.clear()
    with (
        client(airflow, patience_s=0.1) as api,
        pytest.raises(NoAnswer, match=r"no answer to GET /dags/~/dagRuns \(time-out\), expected an answer"),
    ):
        api.runs()


def test_knows_which_parts_are_unhealthy(airflow: FakeAirflow, free_port: Callable[[], int]) -> None:
    healthy = {"status": "healthy"}
    airflow.health = {"metadatabase": healthy, "scheduler": {"status": None}, "triggerer": healthy}
    with client(airflow) as api:
        assert api.unhealthy_parts() == ["scheduler", "dag_processor"]
    with AirflowApi(f"http://127.0.0.1:{free_port()}", "admin", "x") as api:
        assert api.unhealthy_parts() == ["api-server"]


def test_an_unknown_dag_is_none(airflow: FakeAirflow) -> None:
    with client(airflow) as api:
        assert api.dag("nope") is None


def test_reads_a_log_without_airflows_own_frames(airflow: FakeAirflow) -> None:
    frames = [
        {"filename": "/env/lib/site-packages/airflow/sdk/task_runner.py", "lineno": 1, "name": "run"},
        {"filename": "/repo/include/idc/ingest/stage.py", "lineno": 9, "name": "run"},
    ]
    airflow.logs["snapshot"] = [
        {"event": "::group::Log message source details"},
        {"event": "/logs/attempt=1.log"},
        {"event": "::endgroup::"},
        {"timestamp": "t", "event": "reading", "level": "info"},
        {
            "timestamp": "t",
            "event": "Task failed with exception",
            "level": "error",
            "error_detail": [{"exc_type": "CorruptArchive", "exc_value": "it is cut", "frames": frames}],
        },
    ]
    with client(airflow) as api:
        lines = api.log(task("snapshot", "failed", dag_id="idc_ingest", dag_run_id="r1"))

    assert lines == [
        "INFO reading",
        "ERROR Task failed with exception",
        "  /repo/include/idc/ingest/stage.py:9 in run",
        "ERROR CorruptArchive: it is cut",
    ]
