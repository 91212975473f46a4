"""Find, submit or adopt, watch and stop SageMaker jobs."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from histoflow.hooks.aws import aws_errors, translated
from histoflow.hooks.resources import ResourceHook
from histoflow.polling import intervals
from idc.aws_errors import Meaning, code_of, meaning
from idc.errors import JobConflict, ServiceError
from idc.jobs.spec import DIGEST_TAG, JobKind, JobSpec, differences
from idc.jobs.state import JobState


@dataclass(frozen=True)
class Submission:
    """The job of a specification, and whether it existed before."""

    state: JobState
    is_adopted: bool


class SageMakerHook(ResourceHook):
    """Runs each specification once, however often it is asked for."""

    def submit_or_adopt(self, spec: JobSpec) -> Submission:
        """Return the job of `spec`: one that runs or has completed, else a new one.

        A new job takes the attempt suffix after those of failed and stopped jobs.

        Raises:
            JobConflict: the name belongs to another request.
            RequestRejected: SageMaker refused the request.
            ServiceError: SageMaker could not be reached.
        """
        for attempt in itertools.count(1):
            name = spec.name(attempt)
            description = self._find(spec.kind, name)
            if description is None and self._create(spec, attempt):
                self.log.info("%s %s is submitted.", spec.kind, name)
                return Submission(self.job(spec.kind, name), is_adopted=False)
            description = description or self._describe(spec.kind, name)
            state = JobState.from_description(spec.kind, description)
            self._check_digest(spec, attempt, state, description)
            if state.is_running or state.has_completed:
                self.log.info("%s %s is %s: not submitted again.", spec.kind, name, state.status)
                return Submission(state, is_adopted=True)
            self.log.info("%s %s is %s: %s", spec.kind, name, state.status, state.failure_reason or "-")
        raise AssertionError("the count of attempts has no end")

    def job(self, kind: JobKind, name: str) -> JobState:
        """Return the state of the job `name`.

        Raises:
            RequestRejected: there is no such job.
        """
        return JobState.from_description(kind, self._describe(kind, name))

    def wait(self, state: JobState, tell: Callable[[], object]) -> JobState:
        """Block until the job is over or past its deadline; log its progress and return its state.

        `tell` is called after each poll.
        """
        said = ""
        for interval in intervals():
            tell()
            if state.progress != said:
                said = state.progress
                self.log.info("%s %s, %s", state.kind, state.name, said)
            if state.is_over or datetime.now(UTC) > state.deadline:
                break
            time.sleep(interval)
            state = self._latest(state)
        return state

    def stop_job(self, kind: JobKind, name: str) -> None:
        """Ask SageMaker to stop the job `name`, unless it is over."""
        try:
            getattr(self.api, f"stop_{kind.operation}")(**{f"{kind}Name": name})
        except (ClientError, BotoCoreError) as error:
            _tolerate_stopped(error, kind, name)

    async def poll_job(self, client: Any, kind: JobKind, name: str) -> JobState:
        """Return the state of the job `name`, asked for with an asynchronous client."""
        with aws_errors(kind, name):
            return JobState.from_description(
                kind, await getattr(client, f"describe_{kind.operation}")(**{f"{kind}Name": name})
            )

    async def stop_job_async(self, kind: JobKind, name: str) -> None:
        """Ask SageMaker to stop the job `name`, from an event loop."""
        try:
            async with await self.async_api() as client:
                await getattr(client, f"stop_{kind.operation}")(**{f"{kind}Name": name})
        except (ClientError, BotoCoreError) as error:
            _tolerate_stopped(error, kind, name)

    def _create(self, spec: JobSpec, attempt: int) -> bool:
        """Create the job; return False if its name is taken.

        That happens too if the answer to the first create call was lost and botocore sent it again.
        """
        try:
            getattr(self.api, f"create_{spec.kind.operation}")(**spec.create_request(attempt))
        except (ClientError, BotoCoreError) as error:
            if meaning(error) is Meaning.TAKEN:
                return False
            raise translated(error, spec.kind, spec.name(attempt)) from error
        return True

    def _check_digest(
        self, spec: JobSpec, attempt: int, state: JobState, description: dict[str, Any]
    ) -> None:
        with aws_errors(spec.kind, state.name):
            pages = self.api.get_paginator("list_tags").paginate(ResourceArn=state.arn)
            tags = {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
        if tags.get(DIGEST_TAG) == spec.digest:
            return
        wanted = {key: value for key, value in spec.create_request(attempt).items() if key != "Tags"}
        found = "; ".join(differences(wanted, description)) or f"no tag {DIGEST_TAG} of {spec.digest}"
        action = "Another pipeline uses this name: give one of them another account, region or partition."
        raise JobConflict(spec.kind, state.name, found, "the request of this task", action)

    def _find(self, kind: JobKind, name: str) -> dict[str, Any] | None:
        try:
            return self._raw_describe(kind, name)
        except (ClientError, BotoCoreError) as error:
            if meaning(error) is Meaning.ABSENT:
                return None
            raise translated(error, kind, name) from error

    def _describe(self, kind: JobKind, name: str) -> dict[str, Any]:
        with aws_errors(kind, name):
            return self._raw_describe(kind, name)

    def _raw_describe(self, kind: JobKind, name: str) -> dict[str, Any]:
        answer: dict[str, Any] = getattr(self.api, f"describe_{kind.operation}")(**{f"{kind}Name": name})
        return answer

    def _latest(self, state: JobState) -> JobState:
        """Return the job's state, or the last known one while SageMaker cannot be reached."""
        try:
            return self.job(state.kind, state.name)
        except ServiceError as error:
            self.log.warning("%s", error)
            return state


def _tolerate_stopped(error: ClientError | BotoCoreError, kind: JobKind, name: str) -> None:
    """Raise `error` unless the job is over or does not exist."""
    if code_of(error) != "ValidationException" and meaning(error) is not Meaning.ABSENT:
        raise translated(error, kind, name) from error
