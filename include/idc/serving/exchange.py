"""Around every request: an id, a log line, measures, the headers of every answer, and no traceback ever."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from typing import Any

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from idc.serving.measures import Measures
from idc.serving.problems import INTERNAL, Problem
from idc.serving.schemas import DISCLAIMER

POLICY = "default-src 'none'; frame-ancestors 'none'"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "X-Disclaimer": DISCLAIMER,
}
DEFAULTS = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
LINGER_S = 2

log = structlog.get_logger("idc.serving")


class Exchange:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, measures: Measures) -> None:
        """Wrap `app`."""
        self._app = app
        self._measures = measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        request_id = state["request_id"] = secrets.token_hex(16)
        started, status, is_read, lingers = time.perf_counter(), 0, not _has_body(scope), False

        async def send_with_headers(message: Message) -> None:
            nonlocal status, lingers
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                _add_headers(headers, request_id)
                lingers = not is_read
                if lingers:  # what is refused need not be sent to its end: the connection is closed
                    headers["Connection"] = "close"
            elif lingers:
                message = {**message, "more_body": True}
            await send(message)

        async def receive_noting() -> Message:
            nonlocal is_read
            message = await receive()
            is_read = is_read or not message.get("more_body", False)
            return message

        error: Exception | None = None
        try:
            await self._app(scope, receive_noting, send_with_headers)
        except Exception as caught:  # noqa: BLE001  # nothing may reach the server's own error page
            error = caught
            if not status:
                detail = "The server failed; the operator finds the reason in its log by the request id."
                await Problem(INTERNAL, detail).response(request_id)(scope, receive, send_with_headers)
        self._note(scope, state, status, time.perf_counter() - started, error)
        if lingers:
            await _discard(receive)
            await send({"type": "http.response.body"})

    def _note(
        self, scope: Scope, state: Mapping[str, Any], status: int, seconds: float, error: Exception | None
    ) -> None:
        route = getattr(scope.get("route"), "path", "other")
        self._measures.requests.labels(route, scope["method"], str(status)).inc()
        self._measures.seconds.labels(route).observe(seconds)
        key, problem = state.get("key"), state.get("problem")
        if problem is not None:
            self._measures.problems.labels(problem).inc()
        values = {
            "request_id": state["request_id"],
            "tenant": getattr(key, "tenant", None),
            "key": getattr(key, "id", None),
            "method": scope["method"],
            "route": route,
            "status": status,
            "latency_ms": round(seconds * 1000, 2),
            "model": state.get("model"),
            "problem": problem,
        }
        known = {name: value for name, value in values.items() if value is not None}
        if error is not None:
            log.error("request", exc_info=error, **known)
        else:
            log.info("request", **known)


async def _discard(receive: Receive) -> None:
    """Read on for a while before the connection is closed, until the client closes it or has sent all.

    Closed with unread data, the client may be told of a reset in place of the answer (RFC 9112, 9.6).
    """
    try:
        async with asyncio.timeout(LINGER_S):
            while (await receive()).get("more_body", False):
                pass
    except TimeoutError:
        pass


def _has_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


def _add_headers(headers: MutableHeaders, request_id: str) -> None:
    for name, value in HEADERS.items():
        headers[name] = value
    headers["X-Request-Id"] = request_id
    for name, value in DEFAULTS.items():
        headers.setdefault(name, value)
