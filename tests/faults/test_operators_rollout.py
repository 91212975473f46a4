"""What our endpoint operator does around a change: it watches, scales, cleans up, and may die at any time."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import airflow_task
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from deployed import BROKEN, Endpoint, saying, task
from local_aws import LocalAws, wait_until

from histoflow.hooks.endpoint import EndpointHook
from idc.errors import EndpointFailed, RequestRejected

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CHANGES = ("Create", "Update", "Put", "Register", "Deregister", "Delete")
RATE, CLIENTS = 50, 5


@pytest.fixture(autouse=True)
def at_the_embedded_aws(embedded_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in embedded_aws.env.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def endpoint(embedded_aws: LocalAws) -> Endpoint:
    return Endpoint(embedded_aws)


class Killed(BaseException):
    """The worker is gone: nothing of the task runs on."""


def deadly(survived: list[str]) -> EndpointHook:
    """A hook whose user dies once AWS has made a change none died of before, and before it hears of it."""

    def die(model: Any, **_: Any) -> None:
        if model.name.startswith(CHANGES) and model.name not in survived:
            survived.append(model.name)
            raise Killed

    hook = EndpointHook()
    for each in (hook, hook._alarms, hook._scaling, hook._retired):
        each.api.meta.events.register("after-call", die)
    return hook


@contextlib.contextmanager
def load(endpoint: Endpoint) -> Iterator[list[str]]:
    """Fifty requests a second for as long as the block runs; the answers. Fails if one request did."""
    answers: list[str] = []
    errors: list[str] = []
    is_over = threading.Event()

    def ask() -> None:
        runtime = endpoint.aws.client("sagemaker-runtime")
        while not is_over.wait(CLIENTS / RATE):
            try:
                reply = runtime.invoke_endpoint(
                    EndpointName=endpoint.name, Body=b"{}", ContentType="application/json"
                )
                answers.append(reply["Body"].read().decode())
            except (BotoCoreError, ClientError) as error:
                errors.append(str(error))

    threads = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    assert errors == []


def test_an_update_by_canary_loses_no_request_and_is_watched_and_scaled(endpoint: Endpoint) -> None:
    old = endpoint.guarded(saying("old"), "v1-mxnet", endpoint_instance_count=2)
    new = endpoint.guarded(saying("new"), "v2-mxnet", endpoint_instance_count=2, rollout_wait_s=5)
    airflow_task.run(task(old))
    assert endpoint.scaled() == ["v1-mxnet"]

    with load(endpoint) as answers:
        wait_until(lambda: "old" in answers)
        result = airflow_task.run(task(new))
        wait_until(lambda: answers[-20:] == ["new"] * 20)

    assert result["variant"] == "v2-mxnet"
    assert set(answers) == {"old", "new"}
    first = answers.index("new")
    assert "old" in answers[first:], "a canary serves beside the old fleet"
    described = endpoint.sagemaker.describe_endpoint(EndpointName=endpoint.name)
    rollback = described["LastDeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]
    assert {one["AlarmName"] for one in rollback} == {one["AlarmName"] for one in new.alarms}
    assert described["DataCaptureConfig"]["CaptureStatus"] == "Started"
    assert described["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    assert endpoint.scaled() == ["v2-mxnet"]
    assert EndpointHook().invoke(endpoint.name, b"{}", "application/json") == (b"new", "v2-mxnet")


def test_an_alarm_brings_the_old_model_back_and_fails_the_task(endpoint: Endpoint) -> None:
    good, slow = endpoint.guarded(saying("good"), "v1-mxnet"), endpoint.guarded(saying("slow"), "v2-mxnet")
    airflow_task.run(task(good))
    baking = {**(slow.deployment or {}), "BlueGreenUpdatePolicy": {
        "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 600},
    }}  # fmt: skip
    deferred = airflow_task.deferral(task(type(slow)(**{**slow.to_dict(), "deployment": baking})))
    wait_until(lambda: endpoint.answer() == "slow")
    assert endpoint.scaled() == [], "SageMaker takes no variant away that still scales"

    name = slow.alarms[1]["AlarmName"]
    cloudwatch = endpoint.aws.client("cloudwatch")
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test")
    wait_until(lambda: endpoint.status() == "InService")
    event = {"name": endpoint.name, "outcome": "at rest", "message": ""}
    with pytest.raises(EndpointFailed, match=rf"rolled back to {good.config_name}: .*{name}"):
        airflow_task.resume(task(slow), deferred, event)

    assert endpoint.answer() == "good"
    assert endpoint.scaled() == ["v1-mxnet"]


def test_a_broken_model_leaves_the_old_one_scaling(endpoint: Endpoint) -> None:
    airflow_task.run(task(endpoint.guarded(saying("good"), "v1-mxnet")))

    with pytest.raises(EndpointFailed, match="rolled back"):
        airflow_task.run(task(endpoint.guarded(BROKEN, "v2-mxnet")))

    assert endpoint.answer() == "good"
    assert endpoint.scaled() == ["v1-mxnet"]


def test_an_update_that_is_refused_leaves_the_old_one_scaling(endpoint: Endpoint) -> None:
    airflow_task.run(task(endpoint.guarded(saying("good"), "v1-mxnet")))
    spec = endpoint.guarded(saying("new"), "v2-mxnet")
    policy = {**(spec.deployment or {})["BlueGreenUpdatePolicy"], "TerminationWaitInSeconds": 3601}

    with pytest.raises(RequestRejected, match="terminationWaitInSeconds"):
        airflow_task.run(task(replace(spec, deployment={"BlueGreenUpdatePolicy": policy})))

    assert (endpoint.answer(), endpoint.scaled()) == ("good", ["v1-mxnet"])


def test_what_nobody_uses_goes_but_for_the_newest_few(endpoint: Endpoint) -> None:
    other = f"{endpoint.name}-other"
    specs = [endpoint.guarded(saying(str(n)), f"v{n}-mxnet", keep=1, rollout_wait_s=0) for n in range(4)]
    airflow_task.run(task(specs[0]))
    endpoint.sagemaker.create_endpoint(EndpointName=other, EndpointConfigName=specs[0].config_name)
    for spec in specs[1:]:
        airflow_task.run(task(spec))

    stay = [specs[3], specs[2], specs[0]]  # in use, kept, used by somebody else
    assert endpoint.configs() == [spec.config_name for spec in stay]
    assert endpoint.models() == [spec.model_name for spec in stay]
    assert endpoint.alarms() == {
        f"v{number}-mxnet-{what}" for number in (0, 2, 3) for what in ("errors", "latency")
    }


def test_scaling_that_is_turned_off_ends_with_and_without_another_model(endpoint: Endpoint) -> None:
    old = endpoint.guarded(saying("old"), "v1-mxnet")
    airflow_task.run(task(old))
    assert endpoint.scaled() == ["v1-mxnet"]

    airflow_task.run(task(replace(old, scaling=None)))
    assert endpoint.scaled() == []

    airflow_task.run(task(old))
    new = endpoint.guarded(saying("new"), "v2-mxnet", endpoint_max_instance_count=1)
    airflow_task.run(task(new))
    assert (endpoint.answer(), endpoint.scaled()) == ("new", [])


def test_an_endpoint_of_others_that_may_not_be_seen_keeps_what_it_might_use(endpoint: Endpoint) -> None:
    specs = [endpoint.guarded(saying(str(n)), f"v{n}-mxnet", keep=0) for n in range(2)]
    airflow_task.run(task(specs[0]))
    others = f"others-{endpoint.name}"
    endpoint.sagemaker.create_endpoint(EndpointName=others, EndpointConfigName=specs[0].config_name)

    def refuse(params: dict[str, Any], **_: Any) -> None:
        if params["EndpointName"] == others:
            error = {"Code": "AccessDeniedException", "Message": "not authorized to perform it"}
            raise ClientError({"Error": error}, "DescribeEndpoint")

    deploying = task(specs[1])
    event = "provide-client-params.sagemaker.DescribeEndpoint"
    deploying.hook._retired.api.meta.events.register(event, refuse)

    assert airflow_task.run(deploying)["config"] == specs[1].config_name
    assert endpoint.configs() == [spec.config_name for spec in reversed(specs)]


def test_a_task_that_dies_after_each_of_its_changes_is_finished_by_its_retries(endpoint: Endpoint) -> None:
    airflow_task.run(task(endpoint.guarded(saying("old"), "v1-mxnet", keep=0)))
    spec = endpoint.guarded(saying("new"), "v2-mxnet", keep=0)
    died_after: list[str] = []
    hook, result = deadly(died_after), None
    while result is None:
        attempt = task(spec)
        vars(attempt)["hook"] = hook
        with contextlib.suppress(Killed):
            result = airflow_task.run(attempt)

    assert died_after == [
        "PutMetricAlarm",
        "CreateModel",
        "CreateEndpointConfig",
        "DeregisterScalableTarget",
        "UpdateEndpoint",
        "RegisterScalableTarget",
        "PutScalingPolicy",
        "DeleteModel",
        "DeleteEndpointConfig",
        "DeleteAlarms",
    ]
    assert (result["config"], endpoint.answer()) == (spec.config_name, "new")
    assert endpoint.scaled() == ["v2-mxnet"]
    assert (endpoint.configs(), endpoint.models()) == ([spec.config_name], [spec.model_name])
    assert endpoint.alarms() == {"v2-mxnet-errors", "v2-mxnet-latency"}
    assert airflow_task.begin(task(spec)) == result
