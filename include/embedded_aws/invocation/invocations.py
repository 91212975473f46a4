"""Entry point of SageMaker Runtime: finds the operation of a request and runs it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

from embedded_aws.invocation import members as request_members
from embedded_aws.invocation.asynchronous import Asynchronous
from embedded_aws.invocation.capture import Capture
from embedded_aws.invocation.connections import Connections
from embedded_aws.invocation.routes import Router
from embedded_aws.invocation.streaming import Streaming
from embedded_aws.invocation.synchronous import Synchronous
from embedded_aws.settings import Settings
from embedded_aws.store.resources import Store
from embedded_aws.wire import http
from embedded_aws.wire.faults import RequestTooLarge, UnknownOperationException, ValidationError

LARGEST_PAYLOAD_BYTES = {
    request_members.INVOKE: 6 * 1024 * 1024,
    request_members.INVOKE_STREAM: 6 * 1024 * 1024,
    request_members.INVOKE_ASYNC: 128_000,
}
_PATH = re.compile(r"^/endpoints/(?P<endpoint>[^/]+)/(?P<action>[^/]+)$")


class Invocations:
    """Answers every operation of SageMaker Runtime."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._router = Router(settings, store)
        self._connections = Connections()
        self._capture = Capture(settings)
        self._synchronous = Synchronous(settings, self._router, self._connections, self._capture)
        self._streaming = Streaming(settings, self._router, self._connections)
        self._asynchronous = Asynchronous(settings, store, self._router)
        self._background: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Begin what goes on beside the requests; needs a running event loop."""
        parts = (self._router.report_drained, self._capture.run, self._asynchronous.run)
        self._background = [asyncio.create_task(part()) for part in parts]

    async def close(self) -> None:
        """End it, and store what has been captured."""
        for task in self._background:
            task.cancel()
        self._asynchronous.close()
        self._connections.close()
        await self._capture.flush()

    @staticmethod
    def operation(method: str, path: str) -> tuple[str, str]:
        """The operation a request is for, and the endpoint.

        Raises:
            UnknownOperationException: there is no such operation.
        """
        match = _PATH.match(path)
        if match is None or method != "POST" or match["action"] not in request_members.OPERATIONS:
            raise UnknownOperationException(f"No operation at {method} {path}")
        return request_members.OPERATIONS[match["action"]], match["endpoint"]

    @staticmethod
    async def read_body(operation: str, receive: http.Receive) -> bytes:
        """The payload.

        Raises:
            ValidationError: it is larger than the service takes.
        """
        limit = LARGEST_PAYLOAD_BYTES[operation]
        try:
            return await http.read_body(receive, limit)
        except RequestTooLarge as error:
            raise ValidationError(
                "1 validation error detected: Value at 'body' failed to satisfy constraint: Member must have "
                f"length less than or equal to {limit}"
            ) from error

    async def answer(
        self, operation: str, endpoint: str, headers: Mapping[str, str], body: bytes, send: http.Send
    ) -> None:
        """Answer one request.

        Raises:
            ServiceFault: it cannot be answered; nothing has been sent then.
        """
        members = request_members.read(operation, endpoint, headers)
        if operation == request_members.INVOKE:
            await http.send_answer(send, await self._synchronous.invoke(endpoint, members, body))
        elif operation == request_members.INVOKE_STREAM:
            await self._streaming.invoke(endpoint, members, body, send)
        else:
            await http.send_answer(send, self._asynchronous.accept(endpoint, members, body))
