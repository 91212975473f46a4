"""Waits for SageMaker in the triggerer: asks seldom, and outlives throttling and broken connections."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from histoflow.hooks.endpoint import EndpointHook
from histoflow.hooks.sagemaker import SageMakerHook
from histoflow.polling import AT_REST, OVERDUE, UNKNOWN, handover_s, intervals
from idc.errors import PermanentError, ServiceError
from idc.jobs.spec import JobKind


class SageMakerTrigger(BaseTrigger):
    """Fires once when what it waits for is at rest, overdue, or cannot be asked about."""

    def __init__(self, *, name: str, aws_conn_id: str | None, region_name: str | None) -> None:
        """Wait for the job or endpoint `name`."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.name = name
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class's path and the arguments that make this trigger again."""
        arguments = {"name": self.name, "aws_conn_id": self.aws_conn_id, "region_name": self.region_name}
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield the one event."""
        try:
            outcome, message = await self._wait(), ""
        except PermanentError as error:
            outcome, message = UNKNOWN, str(error)
        payload = {"name": self.name, "outcome": outcome, "message": message}
        yield TriggerEvent(payload)  # type: ignore[no-untyped-call]

    async def _wait(self) -> str:
        await asyncio.sleep(handover_s())
        async with await self._hook().async_api() as client:
            for interval in intervals():
                try:
                    outcome = await self._outcome(client)
                except ServiceError as error:
                    self.log.warning("%s", error)
                    outcome = None
                if outcome:
                    break
                await asyncio.sleep(interval)
        return outcome or UNKNOWN

    @abstractmethod
    async def _outcome(self, client: Any) -> str | None:
        """Return how the wait ended, or None while it has not."""

    @abstractmethod
    def _hook(self) -> SageMakerHook | EndpointHook:
        """Return the hook that asks SageMaker."""


class SageMakerJobTrigger(SageMakerTrigger):
    """Waits for a job, until the deadline that follows from its own stopping condition."""

    def __init__(self, *, kind: str, **arguments: Any) -> None:
        """Wait for a job of `kind`."""
        super().__init__(**arguments)
        self.kind = JobKind(kind)
        self._said = ""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class's path and the arguments that make this trigger again."""
        path, arguments = super().serialize()
        return path, {"kind": str(self.kind), **arguments}

    async def on_kill(self) -> None:
        """Stop the job: nobody waits for it any more."""
        self.log.info("The task was ended by hand: stopping %s %s.", self.kind, self.name)
        await self._hook().stop_job_async(self.kind, self.name)

    async def _outcome(self, client: Any) -> str | None:
        state = await self._hook().poll_job(client, self.kind, self.name)
        if state.progress != self._said:
            self._said = state.progress
            self.log.info("%s %s, %s", state.kind, state.name, state.progress)
        if state.is_over:
            return AT_REST
        return OVERDUE if datetime.now(UTC) > state.deadline else None

    def _hook(self) -> SageMakerHook:
        return SageMakerHook(aws_conn_id=self.aws_conn_id, region_name=self.region_name)


class SageMakerEndpointTrigger(SageMakerTrigger):
    """Waits until SageMaker is no longer at work on an endpoint.

    There is no `on_kill`: a change of an endpoint cannot be called off, and half of one would serve nobody.
    """

    def __init__(self, *, deadline: float, **arguments: Any) -> None:
        """Wait until `deadline`, in seconds since 1970, at the longest."""
        super().__init__(**arguments)
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class's path and the arguments that make this trigger again."""
        path, arguments = super().serialize()
        return path, {"deadline": self.deadline, **arguments}

    async def _outcome(self, client: Any) -> str | None:
        state = await self._hook().poll(client, self.name)
        if state is None or not state.is_changing:
            return AT_REST
        return OVERDUE if time.time() > self.deadline else None

    def _hook(self) -> EndpointHook:
        return EndpointHook(aws_conn_id=self.aws_conn_id, region_name=self.region_name)
