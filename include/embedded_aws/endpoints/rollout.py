"""Shifts traffic from the old fleet of an endpoint to the new one: at once, by a canary, or in steps.

A rollout is part of the endpoint's document (`_rollout`), so it continues after a restart. It holds
the new fleet's share of traffic at each step, the pause after each step, and the rollback alarms.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
"""

from __future__ import annotations

import math

from embedded_aws.store.resources import Document
from embedded_aws.wire.faults import ValidationException

SMALLEST_STEP, LARGEST_STEP = 0.1, 0.5
ALL_AT_ONCE: Document = {
    "BlueGreenUpdatePolicy": {
        "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
    }
}


def planned(deployment: Document, instances: int, now: float) -> Document:
    """The rollout a DeploymentConfig asks for, of a new fleet of so many instances.

    Raises:
        ValidationException: the service would not take the configuration.
    """
    policies = [name for name in ("BlueGreenUpdatePolicy", "RollingUpdatePolicy") if name in deployment]
    if len(policies) > 1:
        raise ValidationException(
            "Only one of BlueGreenUpdatePolicy and RollingUpdatePolicy can be specified in DeploymentConfig."
        )
    if "RollingUpdatePolicy" in deployment:
        policy = deployment["RollingUpdatePolicy"]
        steps = _steps(_share(policy["MaximumBatchSize"], instances, "MaximumBatchSize"))
        wait_s = policy["WaitIntervalInSeconds"]
    else:
        policy = {**ALL_AT_ONCE, **deployment}["BlueGreenUpdatePolicy"]
        steps = _blue_green_steps(policy["TrafficRoutingConfiguration"], instances)
        wait_s = policy["TrafficRoutingConfiguration"]["WaitIntervalInSeconds"]
    limit_s = policy.get("MaximumExecutionTimeoutInSeconds")
    alarms = deployment.get("AutoRollbackConfiguration", {}).get("Alarms", [])
    return {
        "steps": steps,
        "taken": 0,
        "wait_s": wait_s,
        "next_at": now,
        "deadline": None if limit_s is None else now + limit_s,
        "termination_wait_s": policy.get("TerminationWaitInSeconds", 0),
        "alarms": [alarm["AlarmName"] for alarm in alarms],
    }


def share(rollout: Document | None) -> float:
    """The part of the traffic the new fleet gets just now, from 0 to 1."""
    if rollout is None or not rollout["taken"]:
        return 0.0
    return float(rollout["steps"][rollout["taken"] - 1])


def is_over(rollout: Document, now: float) -> bool:
    """Whether all traffic has moved, and the pause after the last step has passed."""
    return bool(rollout["taken"] == len(rollout["steps"]) and now >= rollout["next_at"])


def is_due(rollout: Document, now: float) -> bool:
    """Whether the next step's time has come."""
    return bool(rollout["taken"] < len(rollout["steps"]) and now >= rollout["next_at"])


def take_step(rollout: Document, now: float) -> None:
    """Move the next share of the traffic."""
    rollout["taken"] += 1
    rollout["next_at"] = now + rollout["wait_s"]


def _blue_green_steps(routing: Document, instances: int) -> list[float]:
    sort = routing["Type"]
    for member, owner in (("CanarySize", "CANARY"), ("LinearStepSize", "LINEAR")):
        if (member in routing) != (sort == owner):
            verb = "must" if sort == owner else "must not"
            raise ValidationException(f"{member} {verb} be specified with traffic routing type {sort}.")
    if sort == "CANARY":
        return [_checked_share(routing["CanarySize"], instances, "CanarySize"), 1.0]
    if sort == "LINEAR":
        return _steps(_checked_share(routing["LinearStepSize"], instances, "LinearStepSize", SMALLEST_STEP))
    return [1.0]


def _checked_share(size: Document, instances: int, member: str, least: float = 0.0) -> float:
    share = _share(size, instances, member)
    if not least <= share <= LARGEST_STEP:
        bounds = f"{least:.0%} to {LARGEST_STEP:.0%}" if least else f"at most {LARGEST_STEP:.0%}"
        raise ValidationException(f"{member} must be {bounds} of the variant's total instance count.")
    return share


def _share(size: Document, instances: int, member: str) -> float:
    if size["Type"] == "CAPACITY_PERCENT":
        if size["Value"] > 100:
            raise ValidationException(f"{member} must not be larger than 100 percent.")
        return float(size["Value"]) / 100
    return min(1.0, float(size["Value"]) / instances)


def _steps(share: float) -> list[float]:
    """Equal steps up to all of the traffic."""
    count = math.ceil(1 / share - 1e-9)
    return [*(share * number for number in range(1, count)), 1.0]
