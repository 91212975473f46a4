"""InvokeEndpoint: picks an instance, passes the request on and gives its answer as the service would."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

import aiohttp

from embedded_aws.hosting import lifecycle, workers
from embedded_aws.hosting.workers import Worker
from embedded_aws.kinds import ENDPOINT
from embedded_aws.logs import ENDPOINT_GROUP
from embedded_aws.settings import ACCOUNT, HOST, Settings
from embedded_aws.store import Store
from embedded_aws.wire import http, service
from embedded_aws.wire.faults import (
    ModelError,
    RequestTooLarge,
    ServiceUnavailable,
    ValidationError,
    ValidationException,
)
from embedded_aws.wire.http import Answer, Receive

LARGEST_PAYLOAD_BYTES = 6 * 1024 * 1024
LARGEST_ANSWER_BYTES = 6 * 1024 * 1024
LONGEST_ORIGINAL_MESSAGE = 4096
DRAIN_PERIOD_S = 0.25
WAIT_PERIOD_S = 0.05
_REQUEST_HEADERS = {
    "ContentType": "content-type",
    "Accept": "accept",
    "CustomAttributes": "x-amzn-sagemaker-custom-attributes",
    "TargetVariant": "x-amzn-sagemaker-target-variant",
    "InferenceId": "x-amzn-sagemaker-inference-id",
    "SessionId": "x-amzn-sagemaker-session-id",
}
_TIMED_OUT = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency "
    "metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
)


@dataclass(frozen=True)
class Route:
    """Where requests of an endpoint may go: ready instances by variant, and the variants' weights."""

    weights: dict[str, float]
    ready: dict[str, list[Worker]]


class Invocations:
    """Routes invocations to instances over kept connections."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._routes: dict[str, Route] = {}
        self._version: tuple[int, int] | None = None
        self._turns: Counter[str] = Counter()
        self._in_flight: Counter[str] = Counter()
        self._session: aiohttp.ClientSession | None = None
        self._drainer: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Make the connection pool; needs a running event loop."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=self._settings.invoke_timeout_s, sock_connect=5),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )
        self._drainer = asyncio.create_task(self._report_drained())

    async def close(self) -> None:
        """Close the connection pool."""
        if self._drainer is not None:
            self._drainer.cancel()
        if self._session is not None:
            await self._session.close()

    async def read_body(self, receive: Receive) -> bytes:
        """The payload.

        Raises:
            ValidationError: it is larger than the service takes.
        """
        try:
            return await http.read_body(receive, LARGEST_PAYLOAD_BYTES)
        except RequestTooLarge as error:
            raise ValidationError(
                "1 validation error detected: Value at 'body' failed to satisfy constraint: Member must have "
                f"length less than or equal to {LARGEST_PAYLOAD_BYTES}"
            ) from error

    async def invoke(self, endpoint: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer of one of the endpoint's instances.

        Raises:
            ValidationError: there is no such endpoint or variant.
            ServiceUnavailable: no instance is ready, and none became so in time.
            ModelError: the instance answered with an error, or not in time.
        """
        sent = {member: headers[name] for member, name in _REQUEST_HEADERS.items() if name in headers}
        try:
            service.runtime().validated(
                service.runtime().operation("InvokeEndpoint"), {"EndpointName": endpoint, "Body": b"", **sent}
            )
        except ValidationException as error:
            raise ValidationError(error.message) from error
        while True:
            worker = await self._pick(endpoint, sent.get("TargetVariant"))
            try:
                return await self._ask(worker, headers, body)
            except aiohttp.ClientConnectorError:
                # nobody listens: it died just now, and nothing was sent, so another can be asked
                workers.move(self._store, worker.id, "recycle", "the instance does not listen any more")
            except aiohttp.ClientConnectionError as error:
                raise self._error(worker, 0, f"the container closed the connection: {error}") from error

    async def _pick(self, endpoint: str, variant: str | None) -> Worker:
        """The instance whose turn it is; waits a while for one when none is ready."""
        deadline = time.monotonic() + self._settings.invoke_wait_s
        while True:
            route = self._route(endpoint)
            if variant is not None and variant not in route.weights:
                raise ValidationError(f"Could not find variant {variant} for endpoint {endpoint}.")
            open_variants = (
                [variant] if variant else [name for name, weight in route.weights.items() if weight > 0]
            )
            ready = [name for name in open_variants if route.ready.get(name)]
            if ready:
                chosen = ready[0]
                if len(ready) > 1:
                    chosen = random.choices(ready, [route.weights[name] for name in ready])[0]
                candidates = route.ready[chosen]
                turn = f"{endpoint}/{chosen}"
                self._turns[turn] += 1
                return candidates[self._turns[turn] % len(candidates)]
            if time.monotonic() > deadline:
                raise ServiceUnavailable(f"No instance of endpoint {endpoint} is ready. Try again.")
            await asyncio.sleep(WAIT_PERIOD_S)

    def _route(self, endpoint: str) -> Route:
        version = self._store.version()
        if version != self._version:
            self._routes.clear()
            self._version = version
        if endpoint not in self._routes:
            self._routes[endpoint] = self._read_route(endpoint)
        return self._routes[endpoint]

    def _read_route(self, endpoint: str) -> Route:
        document = self._store.get(ENDPOINT, endpoint)
        if document is None or document[lifecycle.STATUS] in ("Failed", "Deleting"):
            raise ValidationError(f"Endpoint {endpoint} of account {ACCOUNT} not found.")
        if "_live" not in document:
            return Route({}, {})
        live = document["_live"]
        ready: dict[str, list[Worker]] = {}
        for worker in workers.of_endpoint(self._store, endpoint):
            if worker.generation == live["generation"] and worker.state == "ready":
                ready.setdefault(worker.variant, []).append(worker)
        return Route({variant["name"]: variant["weight"] for variant in live["variants"]}, ready)

    async def _ask(self, worker: Worker, headers: Mapping[str, str], body: bytes) -> Answer:
        assert self._session is not None
        passed = {name: headers[name] for name in _REQUEST_HEADERS.values() if name in headers}
        url = f"http://{HOST}:{worker.port}/invocations"
        self._in_flight[worker.id] += 1
        try:
            async with self._session.post(url, data=body, headers=passed) as answer:
                content = await answer.content.read(LARGEST_ANSWER_BYTES + 1)
                while not answer.content.at_eof() and len(content) <= LARGEST_ANSWER_BYTES:
                    content += await answer.content.read(LARGEST_ANSWER_BYTES + 1)
                status, answered = answer.status, answer.headers
        except TimeoutError as error:
            workers.move(self._store, worker.id, "recycle", "an invocation timed out")
            raise self._error(worker, 0, _TIMED_OUT) from error
        finally:
            self._in_flight[worker.id] -= 1
        if len(content) > LARGEST_ANSWER_BYTES:
            raise self._error(worker, status, f"the answer is larger than {LARGEST_ANSWER_BYTES} bytes")
        if status >= 400:
            raise self._error(worker, status, content.decode("utf-8", "replace"))
        kept = {
            "content-type": answered.get("content-type", "application/octet-stream"),
            "x-amzn-invoked-production-variant": worker.variant,
        }
        attributes = answered.get("x-amzn-sagemaker-custom-attributes")
        if attributes is not None:
            kept["x-amzn-sagemaker-custom-attributes"] = attributes
        return Answer(200, content, kept)

    def _error(self, worker: Worker, status: int, message: str) -> ModelError:
        """The service's ModelError for an instance's error."""
        region = self._settings.region
        message = message[:LONGEST_ORIGINAL_MESSAGE]
        group = f"{ENDPOINT_GROUP}/{worker.endpoint}"
        side = "client" if 400 <= status < 500 else "server"
        console = (
            f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#logEventViewer:group="
        )
        return ModelError(
            f'Received {side} error ({status}) from primary with message "{message}". '
            f"See {console}{quote(group)} in account {ACCOUNT} for more information.",
            ErrorCode="CLIENT_ERROR_FROM_MODEL" if side == "client" else "INTERNAL_FAILURE_FROM_MODEL",
            OriginalStatusCode=status,
            OriginalMessage=message,
            LogStreamArn=f"arn:aws:logs:{region}:{ACCOUNT}:log-group:{group}",
        )

    async def _report_drained(self) -> None:
        """Tell the controller which draining instances have no request left."""
        seen: tuple[int, int] | None = None
        draining: list[Worker] = []
        while True:
            await asyncio.sleep(DRAIN_PERIOD_S)
            version = self._store.version()
            if version != seen:
                seen, draining = version, workers.in_state(self._store, "draining")
            for worker in draining:
                if not self._in_flight[worker.id]:
                    workers.move(self._store, worker.id, "drained")
                    self._in_flight.pop(worker.id, None)
