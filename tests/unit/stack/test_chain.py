from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from unit.stack.fake_airflow import PASSWORD, FakeAirflow, FakeRun, task

from stack import chain, estimate
from stack.chain import Follower
from stack.display import Display
from stack.errors import DemoFailed
from stack.joblogs import JobLogs, Step
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


class ScriptedLogs:
    """The steps of jobs, one dictionary each time they are asked for."""

    def __init__(self, *steps: dict[str, Step]) -> None:
        self.steps = list(steps)

    def new_steps(self, _: str) -> dict[str, Step]:
        return self.steps.pop(0) if self.steps else {}


def follower(
    airflow: FakeAirflow, timeout_s: float = 30, logs: ScriptedLogs | None = None, patience_s: float = 60
) -> Follower:
    api = AirflowApi(airflow.url, "admin", PASSWORD, patience_s)
    followed = logs or JobLogs(NoClients(), datetime.now(UTC))  # type: ignore[arg-type]
    return Follower(api, followed, Display(), timeout_s)  # type: ignore[arg-type]


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What was printed, without the times."""
    return [line.split("] ", 1)[1] for line in capsys.readouterr().out.splitlines()]


def two_runs(convert: FakeRun) -> list[FakeRun]:
    ingest = [
        [task("snapshot", None)],
        [task("snapshot", "running")],
        [task("snapshot", "success")],
        [task("snapshot", "success")],
    ]
    return [FakeRun("idc_ingest", "r1", ingest), convert]


def test_follows_from_run_to_run_and_prints_each_end_once(
    airflow: FakeAirflow, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = [
        [task("convert", "running")],
        [task("convert", "deferred")],
        [task("convert", "running")],
        [task("convert", "success", duration=83.0)],
        [task("convert", "success", duration=83.0)],
    ]
    earlier = FakeRun("idc_convert", "old", [[]], queued_at="2026-11-01T00:00:00Z")
    elsewhere = FakeRun("idc_convert", "other", [[]], partition="2026-09", queued_at="2026-11-23T09:10:00Z")
    ours = FakeRun("idc_convert", "r2", steps, queued_at="2026-11-23T09:05:00Z")
    airflow.runs = [*two_runs(ours), earlier, elsewhere]

    follower(airflow).follow(airflow.runs[0].shown(), ("idc_ingest", "idc_convert"))

    assert printed(capsys) == [
        "1 of 2 ingest: less than a minute left",
        "snapshot: done, 2 s",
        "2 of 2 convert: less than a minute left",
        "convert: done, 83 s",
    ]


TENSORFLOW = {"map_index": 2, "rendered_map_index": "tensorflow"}
TRAINED = "idc-train-2026-10-tensorflow-0123456789"


def trained(*states: str) -> FakeRun:
    """Return a run of idc_train whose one mapped task goes through these states."""
    steps = [[task("train", state, **TENSORFLOW)] for state in states]
    return FakeRun("idc_train", "r1", [*steps, steps[-1]])


def test_a_row_says_the_variant_and_how_far_its_job_is(
    airflow: FakeAirflow, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stack.display.PLAIN_S", 0.0)
    airflow.runs = [trained("running", "deferred", "deferred", "success")]
    steps = [Step("epoch", number, 48, 0.82, 812.4) for number in (1, 2)]
    logs = ScriptedLogs({}, {TRAINED: steps[0]}, {f"{TRAINED}-2": steps[1]})

    follower(airflow, logs=logs).follow(airflow.runs[0].shown(), ("idc_train",))

    lines = printed(capsys)
    assert lines[1:] == [
        "train tensorflow: epoch 1 of 48, accuracy 0.820, 812 images/s",
        "train tensorflow: epoch 2 of 48, accuracy 0.820, 812 images/s",
        "train tensorflow: done, 2 s, epoch 2 of 48, accuracy 0.820",
    ]


def test_a_job_that_moves_quickly_has_few_lines(
    airflow: FakeAirflow, capsys: pytest.CaptureFixture[str]
) -> None:
    airflow.runs = [trained(*["deferred"] * 40, "success")]
    logs = ScriptedLogs(*({TRAINED: Step("epoch", number, 40)} for number in range(1, 41)))

    follower(airflow, logs=logs).follow(airflow.runs[0].shown(), ("idc_train",))

    assert [line for line in printed(capsys) if "epoch" in line] == [
        "train tensorflow: epoch 1 of 40",
        "train tensorflow: done, 2 s, epoch 40 of 40",
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
    monkeypatch.setattr(chain, "SIGN_OF_LIFE_S", 0.05)
    airflow.runs = [trained(*["deferred"] * 30, "success")]

    follower(airflow).follow(airflow.runs[0].shown(), ("idc_train",))

    assert re.search(r"still at train tensorflow, (about|less)", capsys.readouterr().out)


def test_waiting_for_the_scheduler_is_said_once(
    airflow: FakeAirflow, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "SIGN_OF_LIFE_S", 0.02)
    steps = [[task("train", "scheduled")] for _ in range(30)] + [[task("train", "success")]] * 2
    airflow.runs = [FakeRun("idc_train", "r1", steps)]

    follower(airflow).follow(airflow.runs[0].shown(), ("idc_train",))

    assert capsys.readouterr().out.count("waiting for the scheduler") == 1


def test_what_is_left_comes_from_earlier_runs_and_from_the_pace_of_the_epochs(airflow: FakeAirflow) -> None:
    airflow.runs = [FakeRun("idc_train", name, [[]], state="success", took_s=600.0) for name in ("a", "b")]
    airflow.runs[1].took_s = 20.0
    with AirflowApi(airflow.url, "admin", PASSWORD) as api:
        fresh = estimate.expected_s(api, ("idc_train", "idc_deploy"), is_reused=False)
        again = estimate.expected_s(api, ("idc_train", "idc_deploy"), is_reused=True)

    assert fresh == {"idc_train": 600.0, "idc_deploy": estimate.TYPICAL_S["idc_deploy"]}
    assert again["idc_train"] == 20.0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(20, "less than a minute left"), (200, "about 3 min left"), (7200, "about 2.0 h left")],
)
def test_what_is_left_is_said_in_words(seconds: float, words: str) -> None:
    assert estimate.in_words(seconds) == words


def test_the_whole_has_a_time_limit(airflow: FakeAirflow) -> None:
    airflow.runs = [FakeRun("idc_train", "r1", [[task("train", "running")] for _ in range(1000)])]

    with pytest.raises(DemoFailed) as caught:
        follower(airflow, timeout_s=0.1).follow(airflow.runs[0].shown(), ("idc_train",))

    message = str(caught.value)
    assert f"The run goes on in Airflow: see {airflow.url}/dags/idc_train/runs/r1" in message
    assert "Allow more time with HISTOFLOW_DEMO_TIMEOUT_S" in message


def test_an_airflow_that_does_not_answer_leaves_the_run_alone(airflow: FakeAirflow) -> None:
    airflow.runs = [trained("running")]
    run = airflow.runs[0].shown()
    airflow.failures.extend([500] * 1000)

    with pytest.raises(DemoFailed) as caught:
        follower(airflow, patience_s=0.1).follow(run, ("idc_train",))

    message = str(caught.value)
    assert message.startswith(f"Airflow {airflow.url}: answered 500")
    assert f"The run goes on in Airflow: see {airflow.url}/dags/idc_train/runs/r1 or `make status`" in message
    assert "Run `make demo` again to follow it; what is done is not done again." in message


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
