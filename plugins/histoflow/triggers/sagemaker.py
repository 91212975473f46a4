"""Triggers that wait for SageMaker; they outlive throttling and broken connections."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from airflow.sdk.execution_time.xcom import XCom
from airflow.triggers.base import BaseTrigger, TriggerEvent

from histoflow.hooks.endpoint import EndpointHook
from histoflow.hooks.logs import LogsHook
from histoflow.hooks.sagemaker import SageMakerHook
from histoflow.joblog import KEY, JobLog
from histoflow.polling import AT_REST, OVERDUE, UNKNOWN, handover_s, intervals
from histoflow.positions import LogPosition
from idc.errors import PermanentError, ServiceError
from idc.jobs.spec import JobKind


class SageMakerTrigger(BaseTrigger):
    """Fires once, when the job or endpoint is at rest, overdue, or cannot be described."""

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
        payload = {"name": self.name, "outcome": outcome, "message": message, **self._facts()}
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

    def _facts(self) -> dict[str, Any]:
        """Return what else the resumed task needs."""
        return {}

    @abstractmethod
    def _hook(self) -> SageMakerHook | EndpointHook:
        """Return the hook that asks SageMaker."""


class SageMakerJobTrigger(SageMakerTrigger):
    """Waits for a job until the deadline of its own stopping condition.

    It prints the job's log from `log_position` on and keeps the position as an XCom of the task: a trigger
    that is restarted elsewhere continues there.
    """

    def __init__(self, *, kind: str, log_position: dict[str, Any] | None = None, **arguments: Any) -> None:
        """Wait for a job of `kind`."""
        super().__init__(**arguments)
        self.kind = JobKind(kind)
        self.log_position = log_position
        self._said = ""
        hook = LogsHook(aws_conn_id=self.aws_conn_id, region_name=self.region_name)
        self._job_log = JobLog(hook, self.kind, LogPosition.of(self.name, log_position))

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class's path and the arguments that make this trigger again."""
        path, arguments = super().serialize()
        return path, {"kind": str(self.kind), "log_position": self.log_position, **arguments}

    async def on_kill(self) -> None:
        """Stop the job, because nobody waits for it any more."""
        self.log.info("Stopping %s %s: the task was ended by hand.", self.kind, self.name)
        await self._hook().stop_job_async(self.kind, self.name)

    async def _wait(self) -> str:
        if self.task_instance is not None:
            kept = await XCom.aget_value(ti_key=self.task_instance, key=KEY)
            if isinstance(kept, dict) and kept.get("job") == self.name:
                self._job_log.position = LogPosition.of(self.name, kept)
        return await super()._wait()

    async def _outcome(self, client: Any) -> str | None:
        state = await self._hook().poll_job(client, self.kind, self.name)
        await self._print_log()
        if state.progress != self._said:
            self._said = state.progress
            self.log.info("%s %s, %s", state.kind, state.name, state.progress)
        if state.is_over:
            return AT_REST
        return OVERDUE if datetime.now(UTC) > state.deadline else None

    async def _print_log(self) -> None:
        """Print new lines in a thread, because boto3 would block all other triggers."""
        if await asyncio.to_thread(self._job_log.print_new) and (ti := self.task_instance) is not None:
            where = {
                "dag_id": ti.dag_id,
                "task_id": ti.task_id,
                "run_id": ti.run_id,
                "map_index": ti.map_index,
            }
            await XCom.aset(KEY, self._job_log.position.to_dict(), **where)

    def _facts(self) -> dict[str, Any]:
        return {"log": self._job_log.position.to_dict()}

    def _hook(self) -> SageMakerHook:
        return SageMakerHook(aws_conn_id=self.aws_conn_id, region_name=self.region_name)


class SageMakerEndpointTrigger(SageMakerTrigger):
    """Waits until an endpoint no longer changes.

    There is no `on_kill`: SageMaker cannot cancel a change of an endpoint.
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
