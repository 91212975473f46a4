"""Reverse proxy to moto and S3: streams both bodies, so memory does not grow with their size.

Not a library's: it keeps the client's Host header and raw path, which the signature covers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
from yarl import URL

from embedded_aws.settings import HOST
from embedded_aws.wire.faults import ServiceUnavailable
from embedded_aws.wire.http import Receive, Scope, Send

CHUNK_BYTES = 256 * 1024
_HOP_BY_HOP = frozenset(
    (b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"expect", b"te", b"proxy-connection")
)


class Proxy:
    """Forwards requests to one port."""

    def __init__(self, name: str, port: int) -> None:
        self._name = name
        self._port = port
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the connection pool; needs a running event loop."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=15),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )

    async def close(self) -> None:
        """Close the connection pool."""
        if self._session is not None:
            await self._session.close()

    async def forward(self, scope: Scope, receive: Receive, send: Send, body: bytes | None = None) -> None:
        """Forward the request and send the response back; pass `body` if it was read already.

        Raises:
            ServiceUnavailable: the server cannot be reached.
        """
        assert self._session is not None
        query = scope["query_string"].decode("latin-1")
        path = scope["raw_path"].decode("latin-1")
        target = f"http://{HOST}:{self._port}{path}" + (f"?{query}" if query else "")
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in scope["headers"]
            if name not in _HOP_BY_HOP
        ]
        has_body = any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])
        data = body if body is not None else (_stream(receive) if has_body else None)
        has_started = False
        try:
            async with self._session.request(
                scope["method"], URL(target, encoded=True), headers=headers, data=data, allow_redirects=False
            ) as answer:
                kept = [(name.lower(), value) for name, value in answer.raw_headers]
                kept = [(name, value) for name, value in kept if name not in _HOP_BY_HOP]
                has_started = True
                await send({"type": "http.response.start", "status": answer.status, "headers": kept})
                async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
        except aiohttp.ClientConnectionError as error:
            if has_started:
                raise
            raise ServiceUnavailable(f"{self._name} does not answer: {error}") from error


async def _stream(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError("the client went away")
        if part := message.get("body", b""):
            yield part
        if not message.get("more_body", False):
            return
