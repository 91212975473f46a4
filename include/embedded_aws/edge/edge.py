"""The edge: one HTTP port for all services but S3.

It answers SageMaker and SageMaker Runtime, and forwards requests for S3 to S3 and all others to moto.
The signature of a request names its service.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from urllib.parse import parse_qs

import uvicorn

from embedded_aws.api.context import Context
from embedded_aws.edge import operations
from embedded_aws.edge.proxy import Proxy
from embedded_aws.invocation.invocations import Invocations
from embedded_aws.settings import Settings, load
from embedded_aws.store.resources import Store
from embedded_aws.supervision import health
from embedded_aws.supervision.ports import Ports
from embedded_aws.wire import fault_injection, http, service, signing
from embedded_aws.wire.credentials import load_or_create
from embedded_aws.wire.faults import ServiceFault

TARGET_PREFIX = "SageMaker."
JSON_LIMIT_BYTES = 8 * 1024 * 1024
MOTO_LIMIT_BYTES = 64 * 1024 * 1024
KEEP_ALIVE_S = 120


class Edge:
    """The ASGI application."""

    def __init__(self, settings: Settings) -> None:
        ports = Ports.of(settings)
        self._settings = settings
        self._credentials = load_or_create(settings.home)
        self._store = Store(settings.database)
        self._context = Context(settings, self._store)
        self._moto = Proxy("moto", ports.moto)
        self._s3 = Proxy("S3", ports.s3)
        self._invocations = Invocations(settings, self._store)

    async def __call__(self, scope: http.Scope, receive: http.Receive, send: http.Send) -> None:
        """Answer one request, or start and stop with the server."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            try:
                await self._route(scope, receive, send)
            except ConnectionResetError:
                return  # the client went away before its request was complete

    async def _live(self, receive: http.Receive, send: http.Send) -> None:
        parts = (self._moto, self._s3, self._invocations)
        await receive()
        for part in parts:
            await part.open()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for part in parts:
            await part.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _route(self, scope: http.Scope, receive: http.Receive, send: http.Send) -> None:
        if scope["path"] == health.PATH:
            body = await asyncio.to_thread(health.report, self._settings)
            await http.send_answer(send, http.Answer(200, body, {"content-type": "application/json"}))
            return
        if scope["path"].startswith(fault_injection.PATH):
            await http.send_answer(send, await self._control_faults(scope, receive))
            return
        headers = http.header_map(scope)
        authorization = signing.parse(headers.get("authorization", ""))
        signed_for = authorization.service if authorization else _presigned_service(scope)
        target = headers.get("x-amz-target", "")
        if signed_for == "s3":
            await self._pass_on(self._s3, scope, receive, send)
        elif target.startswith(TARGET_PREFIX):
            await http.send_answer(send, await self._sagemaker(scope, headers, authorization, receive))
        elif scope["path"].startswith("/endpoints/"):
            await self._runtime(scope, headers, authorization, receive, send)
        else:
            await self._others(scope, headers, authorization, receive, send)

    async def _sagemaker(
        self,
        scope: http.Scope,
        headers: dict[str, str],
        authorization: signing.Authorization | None,
        receive: http.Receive,
    ) -> http.Answer:
        try:
            body = await http.read_body(receive, JSON_LIMIT_BYTES)
            self._verify(scope, headers, authorization, body)
            api = service.sagemaker()
            operation = api.operation(headers["x-amz-target"].removeprefix(TARGET_PREFIX))
            await self._strike(operation.name)
            answer = operations.handler(operation.name)(self._context, api.read(operation, body))
            return http.Answer(200, api.write(operation, answer), {"content-type": http.JSON})
        except ServiceFault as fault:
            return http.json_fault(fault)

    async def _runtime(
        self,
        scope: http.Scope,
        headers: dict[str, str],
        authorization: signing.Authorization | None,
        receive: http.Receive,
        send: http.Send,
    ) -> None:
        try:
            operation, endpoint = self._invocations.operation(scope["method"], scope["path"])
            body = await self._invocations.read_body(operation, receive)
            self._verify(scope, headers, authorization, body)
            await self._strike(operation)
            await self._invocations.answer(operation, endpoint, headers, body, send)
        except ServiceFault as fault:
            await http.send_answer(send, http.rest_json_fault(fault))

    async def _others(
        self,
        scope: http.Scope,
        headers: dict[str, str],
        authorization: signing.Authorization | None,
        receive: http.Receive,
        send: http.Send,
    ) -> None:
        try:
            body = await http.read_body(receive, MOTO_LIMIT_BYTES)
            self._verify(scope, headers, authorization, body)
            await self._strike(_operation_of(scope["path"], headers, body))
        except ServiceFault as fault:
            is_json = "x-amz-target" in headers or "json" in headers.get("content-type", "")
            await http.send_answer(send, http.json_fault(fault) if is_json else http.xml_fault(fault))
            return
        await self._pass_on(self._moto, scope, receive, send, body)

    async def _pass_on(
        self,
        proxy: Proxy,
        scope: http.Scope,
        receive: http.Receive,
        send: http.Send,
        body: bytes | None = None,
    ) -> None:
        try:
            await proxy.forward(scope, receive, send, body)
        except ServiceFault as fault:
            await http.send_answer(send, http.xml_fault(fault))

    async def _control_faults(self, scope: http.Scope, receive: http.Receive) -> http.Answer:
        if not self._settings.faults:
            return http.Answer(404, b"")
        body = await http.read_body(receive, JSON_LIMIT_BYTES)
        status, answer = fault_injection.control(self._store, scope["method"], scope["path"], body)
        return http.Answer(status, answer, {"content-type": "application/json"})

    async def _strike(self, operation: str) -> None:
        if self._settings.faults:
            await fault_injection.strike(self._store, operation)

    def _verify(
        self,
        scope: http.Scope,
        headers: dict[str, str],
        authorization: signing.Authorization | None,
        body: bytes,
    ) -> None:
        path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
        request = signing.Request(scope["method"], path, query, headers, body)
        signing.verify(request, authorization, self._credentials)


def _operation_of(path: str, headers: dict[str, str], body: bytes) -> str:
    """The operation of another service's request, as each of their protocols names it."""
    if target := headers.get("x-amz-target", ""):
        return target.rpartition(".")[2]
    if "/operation/" in path:
        return path.rpartition("/")[2]
    return parse_qs(body.decode("latin-1")).get("Action", [""])[0]


def _presigned_service(scope: http.Scope) -> str:
    """The service a presigned address is for, empty for an address that is not."""
    query = parse_qs(scope["query_string"].decode("latin-1"))
    parts = query.get("X-Amz-Credential", [""])[0].split("/")
    return parts[-2] if len(parts) >= 5 else ""


def main() -> None:
    """Serve until told to stop."""
    settings = load(Path(sys.argv[1]))
    service.sagemaker(), service.runtime()
    uvicorn.run(
        Edge(settings),
        host=settings.listen,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=5,
        backlog=4096,
    )


if __name__ == "__main__":
    main()
