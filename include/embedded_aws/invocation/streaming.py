"""InvokeEndpointWithResponseStream: forwards the parts of a response as they arrive."""

from __future__ import annotations

from collections.abc import AsyncIterator

from embedded_aws.endpoints.workers import Worker
from embedded_aws.invocation import members as request_members
from embedded_aws.invocation.connections import Broken, Connections, Reply, Unreachable
from embedded_aws.invocation.members import Members
from embedded_aws.invocation.model_errors import TIMED_OUT, model_error
from embedded_aws.invocation.routes import Router
from embedded_aws.invocation.synchronous import ATTRIBUTES, OCTETS, check_synchronous
from embedded_aws.settings import Settings
from embedded_aws.wire import event_stream
from embedded_aws.wire.http import Send

LARGEST_ERROR_BYTES = 64 * 1024


class Streaming:
    """Answers InvokeEndpointWithResponseStream."""

    def __init__(self, settings: Settings, router: Router, connections: Connections) -> None:
        self._settings = settings
        self._router = router
        self._connections = connections

    async def invoke(self, endpoint: str, members: Members, body: bytes, send: Send) -> None:
        """Send the answer of one of the endpoint's instances as events.

        Raises: as InvokeEndpoint does; once the answer has begun, errors are events of it.
        """
        while True:
            worker, plan = await self._router.pick(endpoint, members.get("TargetVariant"))
            check_synchronous(endpoint, plan)
            self._router.in_flight[worker.id] += 1
            try:
                await self._pass_on(worker, members, body, send)
                return
            except Unreachable:
                self._router.replace(worker, "the instance does not listen any more")
            finally:
                self._router.in_flight[worker.id] -= 1

    async def _pass_on(self, worker: Worker, members: Members, body: bytes, send: Send) -> None:
        try:
            reply, parts = await self._connections.stream(
                worker.port, request_members.for_the_model(members), body, self._settings.invoke_timeout_s
            )
            if reply.status >= 400:
                message = (await _collected(parts)).decode("utf-8", "replace")
                raise model_error(self._settings, worker, reply.status, message)
        except TimeoutError as error:
            self._router.retire(worker, "an invocation timed out")
            raise model_error(self._settings, worker, 0, TIMED_OUT) from error
        except Broken as error:
            why = f"the container closed the connection: {error}"
            raise model_error(self._settings, worker, 0, why) from error
        await send({"type": "http.response.start", "status": 200, "headers": _headers(worker, reply)})
        try:
            async for part in parts:
                event = event_stream.event("PayloadPart", part)
                await send({"type": "http.response.body", "body": event, "more_body": True})
        except (Broken, TimeoutError) as error:
            members = {"Message": f"The model's stream ended early: {error}", "ErrorCode": "StreamBroken"}
            event = event_stream.exception("ModelStreamError", members)
            await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _collected(parts: AsyncIterator[bytes]) -> bytes:
    content = b""
    async for part in parts:
        content = (content + part)[:LARGEST_ERROR_BYTES]
    return content


def _headers(worker: Worker, reply: Reply) -> list[tuple[bytes, bytes]]:
    headers = {
        "content-type": event_stream.CONTENT_TYPE,
        "x-amzn-sagemaker-content-type": reply.headers.get("content-type", OCTETS),
        "x-amzn-invoked-production-variant": worker.variant,
    }
    if ATTRIBUTES in reply.headers:
        headers[ATTRIBUTES] = reply.headers[ATTRIBUTES]
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
