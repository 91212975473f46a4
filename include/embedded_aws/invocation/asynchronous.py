"""InvokeEndpointAsync: puts requests into a queue and works it off.

A request is a row of the store; its payload is an S3 object or a file of the home. So accepted
requests are answered even after every process was killed. A request in flight at that moment is sent
to the model again.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from embedded_aws.invocation.async_work import Request, Work, WorkFailed
from embedded_aws.invocation.connections import Broken, Unreachable
from embedded_aws.invocation.members import Members
from embedded_aws.invocation.model_errors import TIMED_OUT, model_error
from embedded_aws.invocation.routes import Router
from embedded_aws.s3.transfer import Location
from embedded_aws.settings import ACCOUNT, Settings
from embedded_aws.store.resources import Document, Store
from embedded_aws.wire.faults import ServiceFault, ValidationError
from embedded_aws.wire.http import Answer

POLL_PERIOD_S = 0.1
RETRY_PERIOD_S = 1.0
MOST_AT_ONCE = 64
CONCURRENCY = 4

T = TypeVar("T")


class Asynchronous:
    """Answers InvokeEndpointAsync, and works its queue off."""

    def __init__(self, settings: Settings, store: Store, router: Router) -> None:
        self._settings = settings
        self._store = store
        self._router = router
        self._work = Work(settings)
        self._threads = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="asynchronous")
        self._running: dict[str, asyncio.Task[None]] = {}
        self._busy: Counter[str] = Counter()

    def accept(self, endpoint: str, members: Members, body: bytes) -> Answer:
        """Put a request into the queue; where its answer will be.

        Raises:
            ValidationError: there is no such endpoint, it takes no asynchronous requests, or the
                payload is neither given nor named.
        """
        plan = self._router.route(endpoint).live.plan
        if plan.get("async") is None:
            raise ValidationError(
                f"Endpoint {endpoint} of account {ACCOUNT} does not support this inference type."
            )
        if ("InputLocation" in members) == bool(body):
            raise ValidationError("Exactly one of InputLocation and Body must be specified.")
        key = str(uuid.uuid4())
        document = _document(plan["async"]["OutputConfig"], members)
        if body:
            self._work.keep_payload(key, body)
        self._store.execute(
            "INSERT INTO async_invocation VALUES (?, ?, ?, ?)",
            (key, endpoint, time.time(), json.dumps(document)),
        )
        headers = {"content-type": "application/json", "x-amzn-sagemaker-outputlocation": document["output"]}
        if document["failure"] is not None:
            headers["x-amzn-sagemaker-failurelocation"] = document["failure"]
        return Answer(202, json.dumps({"InferenceId": document["inference_id"]}).encode(), headers)

    async def run(self) -> None:
        """Work the queue off, for ever: per endpoint in order of arrival, so many at once."""
        seen: tuple[int, int] | None = None
        waiting = 0
        while True:
            await asyncio.sleep(POLL_PERIOD_S)
            version = self._store.version()
            if version != seen or waiting:
                seen, waiting = version, self._start_waiting()

    def close(self) -> None:
        """Leave what is under way to the next process."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _start_waiting(self) -> int:
        """Start what may start; how many requests there are in all."""
        rows = self._store.query(
            "SELECT id, endpoint, created, document FROM async_invocation ORDER BY created"
        )
        for key, endpoint, created, text in rows:
            if key in self._running or len(self._running) >= MOST_AT_ONCE:
                continue
            request = Request(key, endpoint, created, **json.loads(text))
            if self._has_room(endpoint) or request.is_expired(time.time()):
                self._busy[endpoint] += 1
                self._running[key] = asyncio.create_task(self._answer(request))
        return len(rows)

    def _has_room(self, endpoint: str) -> bool:
        """Whether the endpoint may be given one request more; one that is gone may: it fails at once."""
        try:
            live = self._router.route(endpoint).live
        except ValidationError:
            return True
        client = (live.plan.get("async") or {}).get("ClientConfig", {})
        at_once = client.get("MaxConcurrentInvocationsPerInstance", CONCURRENCY)
        return bool(self._busy[endpoint] < at_once * sum(map(len, live.ready.values())))

    async def _answer(self, request: Request) -> None:
        """Bring one request to its end; it stays in the queue while S3 or a topic cannot be reached."""
        try:
            await self._finish(request)
            self._store.execute("DELETE FROM async_invocation WHERE id = ?", (request.id,))
        except (Boto3Error, BotoCoreError, ClientError) as error:
            print(f"asynchronous invocation {request.id} of {request.endpoint}: {error}", flush=True)
            await asyncio.sleep(RETRY_PERIOD_S)
        finally:
            self._busy[request.endpoint] -= 1
            del self._running[request.id]

    async def _finish(self, request: Request) -> None:
        try:
            if request.is_expired(time.time()):
                raise WorkFailed("The request expired in the queue before it could be processed.")
            await self._in_thread(self._work.fetch, request)
            content_type = await self._ask(request)
        except ServiceFault as fault:
            await self._in_thread(self._work.fail, request, fault.message)
        except WorkFailed as error:
            await self._in_thread(self._work.fail, request, str(error))
        else:
            await self._in_thread(self._work.succeed, request, content_type)

    async def _ask(self, request: Request) -> str:
        """The content type of the model's answer, which then lies in a file."""
        while True:
            worker, _ = await self._router.pick(request.endpoint)
            self._router.in_flight[worker.id] += 1
            try:
                status, content_type = await self._in_thread(self._work.ask, request, worker.port)
            except Unreachable:
                self._router.replace(worker, "the instance does not listen any more")
                continue
            except TimeoutError as error:
                self._router.replace(worker, "an invocation timed out")
                raise model_error(self._settings, worker, 0, TIMED_OUT) from error
            except Broken as error:
                if worker.id in self._router.replaced:
                    continue  # it was ended for another request's sake
                why = f"the container closed the connection: {error}"
                raise model_error(self._settings, worker, 0, why) from error
            finally:
                self._router.in_flight[worker.id] -= 1
            if status >= 400:
                raise model_error(self._settings, worker, status, self._work.error_text(request))
            return content_type

    async def _in_thread(self, call: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *arguments)


def _document(output: Document, members: Members) -> Document:
    """What the queue keeps of a request: its members, and where the answer and a failure go."""
    base = Location.parse(output["S3OutputPath"])
    if "S3OutputPathExtension" in members:
        base = base.below(members["S3OutputPathExtension"].strip("/"))
    name = str(uuid.uuid4())
    failure = None
    if "S3FailurePath" in output:
        failure = str(Location.parse(output["S3FailurePath"]).below(f"{name}-error.out"))
    return {
        "members": dict(members),
        "inference_id": members.get("InferenceId") or str(uuid.uuid4()),
        "output": str(base.below(members.get("Filename", f"{name}.out"))),
        "failure": failure,
        "notify": output.get("NotificationConfig", {}),
    }
