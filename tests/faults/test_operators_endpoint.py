"""Our endpoint operator on an embedded AWS that serves: creates, updates, and is honest about a rollback."""

from __future__ import annotations

from pathlib import Path

import airflow_task
import pytest
from aws_jobs import waiting_for
from deployed import BROKEN, Endpoint, saying, task
from local_aws import LocalAws, wait_until

from histoflow.hooks.endpoint import EndpointHook
from idc.errors import EndpointFailed

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def at_the_embedded_aws(embedded_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in embedded_aws.env.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def endpoint(embedded_aws: LocalAws) -> Endpoint:
    return Endpoint(embedded_aws)


def test_an_absent_endpoint_is_created_and_a_present_one_updated(endpoint: Endpoint) -> None:
    one, two = endpoint.spec(saying("one")), endpoint.spec(saying("two"))

    created = airflow_task.run(task(one))

    assert (created["endpoint"], created["config"], created["model"]) == (
        endpoint.name,
        one.config_name,
        one.model_name,
    )
    assert endpoint.answer() == "one"
    assert airflow_task.run(task(two))["config"] == two.config_name
    assert endpoint.answer() == "two"
    assert EndpointHook().model_data(endpoint.name) == two.model["PrimaryContainer"]["ModelDataUrl"]


def test_an_endpoint_that_serves_it_already_is_left_alone(endpoint: Endpoint) -> None:
    spec = endpoint.spec(saying("one"))
    first = airflow_task.run(task(spec))
    modified = endpoint.sagemaker.describe_endpoint(EndpointName=endpoint.name)["LastModifiedTime"]

    assert airflow_task.begin(task(spec)) == first
    assert endpoint.sagemaker.describe_endpoint(EndpointName=endpoint.name)["LastModifiedTime"] == modified


def test_a_retry_of_a_task_that_died_while_waiting_goes_on(endpoint: Endpoint) -> None:
    spec = endpoint.spec(saying("one"))
    airflow_task.deferral(task(spec))

    assert airflow_task.run(task(spec))["config"] == spec.config_name
    assert endpoint.answer() == "one"


def test_a_change_by_somebody_else_is_waited_for_and_then_replaced(endpoint: Endpoint) -> None:
    theirs, ours = endpoint.spec(saying("theirs")), endpoint.spec(saying("ours"))
    airflow_task.deferral(task(theirs))

    assert airflow_task.run(task(ours))["config"] == ours.config_name
    assert endpoint.answer() == "ours"


def test_a_model_that_does_not_come_up_is_rolled_back_and_the_task_fails(
    endpoint: Endpoint, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    good, bad = endpoint.spec(saying("good")), endpoint.spec(BROKEN)
    airflow_task.run(task(good))

    with pytest.raises(
        EndpointFailed, match=rf"rolled back to {good.config_name}: .*{bad.config_name} in service"
    ):
        airflow_task.run(task(bad))

    assert endpoint.status() == "InService"
    assert endpoint.answer() == "good"
    assert "these weights are of another network" in capsys.readouterr().out + caplog.text
    with pytest.raises(EndpointFailed, match="rolled back"):
        airflow_task.run(task(bad))


def test_an_endpoint_that_never_came_up_is_made_anew(endpoint: Endpoint) -> None:
    with pytest.raises(EndpointFailed, match="Failed: "):
        airflow_task.run(task(endpoint.spec(BROKEN)))
    good = endpoint.spec(saying("good"))

    assert airflow_task.run(task(good))["config"] == good.config_name
    assert endpoint.answer() == "good"


def test_an_endpoint_that_takes_too_long_fails_the_task(endpoint: Endpoint, tmp_path: Path) -> None:
    may_load = tmp_path / "may-load"
    slow = endpoint.spec(waiting_for(may_load) + saying("late"))

    with pytest.raises(EndpointFailed, match="Creating: overdue"):
        airflow_task.run(task(slow, limit_s=0.5))
    may_load.touch()
    wait_until(lambda: endpoint.status() == "InService")
