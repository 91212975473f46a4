"""HTTP/1.1 client of instances: kept connections, bounds on the time and size of a response.

Not aiohttp: with it the edge spends 820 instead of 530 microseconds of CPU on an invocation, and the
edge no longer adds less than 1 ms to the median latency (benchmarks/embedded_aws_invoke.py).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import cast

import httptools

from embedded_aws.settings import HOST

LONGEST_IDLE_S = 1.5  # servers that keep connections for less than two seconds are rare
CONNECT_TIMEOUT_S = 5.0


class Unreachable(Exception):
    """Nobody listens on the port; nothing was sent."""


class Broken(Exception):
    """The connection ended before the response was complete."""


class TooLarge(Exception):
    """The response body is larger than the limit."""


@dataclass
class Reply:
    """Response of an instance; header names in lower case."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Connections:
    """Pool of kept connections to all instances, by port."""

    def __init__(self) -> None:
        self._idle: defaultdict[int, list[_Connection]] = defaultdict(list)

    def close(self) -> None:
        """Close the idle connections."""
        for kept in self._idle.values():
            for connection in kept:
                connection.close()
        self._idle.clear()

    async def post(
        self, port: int, headers: Mapping[str, str], body: bytes, timeout_s: float, limit_bytes: int
    ) -> Reply:
        """Send POST /invocations and return the whole response.

        Raises:
            Unreachable: nobody listens on the port.
            Broken: the connection ended before the response was complete.
            TooLarge: the response is larger than the limit.
            TimeoutError: the response was not complete in time.
        """
        connection = await self._connection(port)
        try:
            reply = await connection.exchange(_head(port, headers, body), body, timeout_s, limit_bytes)
        except BaseException:
            connection.close()
            raise
        self._keep(port, connection)
        return reply

    async def stream(
        self, port: int, headers: Mapping[str, str], body: bytes, timeout_s: float
    ) -> tuple[Reply, AsyncIterator[bytes]]:
        """Send POST /invocations; return the head of the response and an iterator over its body.

        Raises: as `post`; the iterator raises Broken, and TimeoutError if no part comes within `timeout_s`.
        """
        connection = await self._connection(port)
        parts: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        try:
            reply = await connection.begin(_head(port, headers, body), body, timeout_s, parts)
        except BaseException:
            connection.close()
            raise
        return reply, self._parts(port, connection, parts, timeout_s)

    async def _parts(
        self,
        port: int,
        connection: _Connection,
        parts: asyncio.Queue[bytes | Exception | None],
        timeout_s: float,
    ) -> AsyncIterator[bytes]:
        try:
            while True:
                part = await asyncio.wait_for(parts.get(), timeout_s)
                if part is None:
                    break
                if isinstance(part, Exception):
                    raise part
                yield part
        except BaseException:
            connection.close()
            raise
        self._keep(port, connection)

    async def _connection(self, port: int) -> _Connection:
        kept = self._idle[port]
        now = asyncio.get_running_loop().time()
        while kept:
            connection = kept.pop()
            if connection.is_open and now - connection.idle_since < LONGEST_IDLE_S:
                return connection
            connection.close()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                _, made = await loop.create_connection(lambda: _Connection(loop), HOST, port)
        except (OSError, TimeoutError) as error:
            self._idle.pop(port, None)
            raise Unreachable(str(error)) from error
        return made

    def _keep(self, port: int, connection: _Connection) -> None:
        if connection.is_open and connection.may_be_kept:
            self._idle[port].append(connection)
        else:
            connection.close()


class _Connection(asyncio.Protocol):
    """One connection; carries one request at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._waiter: asyncio.Future[Reply] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stream: asyncio.Queue[bytes | Exception | None] | None = None
        self._reply = Reply()
        self._parts: list[bytes] = []
        self._room = 0
        self.may_be_kept = False
        self.idle_since = 0.0

    @property
    def is_open(self) -> bool:
        """Whether another request can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()

    async def exchange(self, head: bytes, body: bytes, timeout_s: float, limit_bytes: int) -> Reply:
        """Send a request and return the whole response."""
        self._room = limit_bytes
        return await self._send(head, body, timeout_s)

    async def begin(
        self, head: bytes, body: bytes, timeout_s: float, stream: asyncio.Queue[bytes | Exception | None]
    ) -> Reply:
        """Send a request and return the head; put the parts of the body into the queue, then None."""
        self._stream = stream
        return await self._send(head, body, timeout_s)

    async def _send(self, head: bytes, body: bytes, timeout_s: float) -> Reply:
        assert self._transport is not None
        self._parser = httptools.HttpResponseParser(self)
        self._reply, self._parts = Reply(), []
        self._waiter = self._loop.create_future()
        self._timer = self._loop.call_later(timeout_s, self._fail, TimeoutError("no answer in time"))
        self._transport.write(head + body if len(body) < 65_536 else head)
        if len(body) >= 65_536:
            self._transport.write(body)
        try:
            return await self._waiter
        finally:
            self._timer.cancel()

    def _fail(self, error: Exception) -> None:
        """End the request with an error."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)
        elif self._stream is not None:
            self._stream.put_nowait(error)
        self.close()

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        if self._parser is None:
            self.close()  # nobody asked
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(Broken(f"the answer is no HTTP: {error}"))

    def connection_lost(self, error: Exception | None) -> None:
        is_until_end = self._reply.status and not (
            {"content-length", "transfer-encoding"} & self._reply.headers.keys()
        )
        if self._parser is not None and is_until_end and error is None:
            self.on_message_complete()
        elif self._parser is not None:
            self._fail(Broken(str(error or "the connection was closed")))

    # what httptools calls

    def on_header(self, name: bytes, value: bytes) -> None:
        self._reply.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        self._reply.status = self._parser.get_status_code()
        if self._stream is not None and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(self._reply)

    def on_body(self, part: bytes) -> None:
        if self._stream is not None:
            self._stream.put_nowait(part)
            return
        self._parts.append(part)
        self._room -= len(part)
        if self._room < 0:
            self._fail(TooLarge("the answer is too large"))

    def on_message_complete(self) -> None:
        if self._parser is None:
            return
        self.may_be_kept = self._parser.should_keep_alive()
        self._parser = None
        self.idle_since = self._loop.time()
        if self._stream is not None:
            self._stream.put_nowait(None)
            self._stream = None
        elif self._waiter is not None and not self._waiter.done():
            self._reply.body = b"".join(self._parts)
            self._waiter.set_result(self._reply)


def _head(port: int, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return (
        f"POST /invocations HTTP/1.1\r\nhost: {HOST}:{port}\r\ncontent-length: {len(body)}\r\n{lines}\r\n"
    ).encode("latin-1")
