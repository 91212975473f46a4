from __future__ import annotations

from typing import Any

import pytest

from embedded_aws.endpoints import rollout
from embedded_aws.wire.faults import ValidationException


def blue_green(sort: str, wait_s: int = 10, **sizes: Any) -> dict[str, Any]:
    routing = {"Type": sort, "WaitIntervalInSeconds": wait_s, **sizes}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}}


def size(value: int, sort: str = "CAPACITY_PERCENT") -> dict[str, Any]:
    return {"Type": sort, "Value": value}


@pytest.mark.parametrize(
    ("deployment", "steps"),
    [
        (rollout.ALL_AT_ONCE, [1.0]),
        ({}, [1.0]),
        ({"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "a"}]}}, [1.0]),
        (blue_green("CANARY", CanarySize=size(10)), [0.1, 1.0]),
        (blue_green("CANARY", CanarySize=size(1, "INSTANCE_COUNT")), [0.25, 1.0]),
        (blue_green("LINEAR", LinearStepSize=size(25)), [0.25, 0.5, 0.75, 1.0]),
        (blue_green("LINEAR", LinearStepSize=size(30)), [0.3, 0.6, pytest.approx(0.9), 1.0]),
        ({"RollingUpdatePolicy": {"MaximumBatchSize": size(50), "WaitIntervalInSeconds": 0}}, [0.5, 1.0]),
    ],
)
def test_steps(deployment: dict[str, Any], steps: list[float]) -> None:
    assert rollout.planned(deployment, 4, 0.0)["steps"] == steps


def test_time_passes_between_steps() -> None:
    plan = rollout.planned(blue_green("CANARY", wait_s=10, CanarySize=size(10)), 1, 100.0)
    assert rollout.share(plan) == 0.0
    assert rollout.is_due(plan, 100.0)
    rollout.take_step(plan, 100.0)
    assert rollout.share(plan) == 0.1
    assert not rollout.is_due(plan, 109.0)
    rollout.take_step(plan, 110.0)
    assert rollout.share(plan) == 1.0
    assert not rollout.is_over(plan, 119.0)
    assert rollout.is_over(plan, 120.0)


def test_no_step_is_larger_than_the_service_takes() -> None:
    for deployment in (
        blue_green("CANARY", CanarySize=size(1, "INSTANCE_COUNT")),
        blue_green("LINEAR", LinearStepSize=size(101)),
        {**blue_green("ALL_AT_ONCE"), "RollingUpdatePolicy": {}},
    ):
        with pytest.raises(ValidationException):
            rollout.planned(deployment, 1, 0.0)
