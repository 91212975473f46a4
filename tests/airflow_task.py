"""An operator run as Airflow runs it, without Airflow's processes: execute, wait in the trigger, resume."""

from __future__ import annotations

import asyncio
from typing import Any

import airflow_home  # noqa: F401  (before Airflow)
from airflow.sdk import BaseOperator
from airflow.sdk.bases.operator import ExecutorSafeguard
from airflow.sdk.exceptions import TaskDeferred
from airflow.triggers.base import BaseTrigger


def run(operator: BaseOperator) -> Any:
    """Run a task to its end and return its result; what it raises is raised."""
    try:
        return begin(operator)
    except TaskDeferred as deferred:
        while True:
            try:
                return resume(operator, deferred, asyncio.run(first_event(revived(deferred.trigger))))
            except TaskDeferred as again:
                deferred = again


def begin(operator: BaseOperator) -> Any:
    """Run a task until it ends or defers."""
    ExecutorSafeguard.tracker.set(operator)
    return operator.execute({})  # type: ignore[arg-type]


def deferral(operator: BaseOperator) -> TaskDeferred:
    """Run a task until it defers."""
    try:
        result = begin(operator)
    except TaskDeferred as deferred:
        return deferred
    raise AssertionError(f"{operator.task_id} did not defer but returned {result}")


def resume(operator: BaseOperator, deferred: TaskDeferred, event: Any) -> Any:
    """Go on with a task that was deferred, in what may be another process."""
    ExecutorSafeguard.tracker.set(operator)
    return getattr(operator, deferred.method_name)({}, event=event, **(deferred.kwargs or {}))


def revived(trigger: BaseTrigger) -> BaseTrigger:
    """Return the trigger as the triggerer makes it from what was stored of it."""
    path, arguments = trigger.serialize()
    assert path == f"{type(trigger).__module__}.{type(trigger).__name__}"
    return type(trigger)(**arguments)


async def first_event(trigger: BaseTrigger) -> Any:
    """Return the payload of the trigger's first event."""
    async for event in trigger.run():
        return event.payload
    raise AssertionError(f"{trigger} ended without an event")
