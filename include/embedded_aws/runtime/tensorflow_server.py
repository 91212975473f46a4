"""Serves a model as the TensorFlow Serving containers do: the REST interface, and the handlers before it.

Run by the runtime's own interpreter, which has TensorFlow and uvicorn. Loads the SavedModels below
/opt/ml/model once, then imports /opt/ml/model/code/inference.py, if there is one, and calls its `handler`, or
its `input_handler` and `output_handler`, for each POST /invocations. These reach the model at
`context.rest_uri`, as in the container, but both are one process here. GET /ping answers once all is loaded.
Whatever a handler raises is answered with 500 and `{"error": …}`, be it the client's fault: as it is there.

Sources: https://github.com/aws/deep-learning-containers (tensorflow/inference),
https://www.tensorflow.org/tfx/serving/api_rest
"""

from __future__ import annotations

import asyncio
import base64
import concurrent.futures
import importlib.util
import io
import json
import os
import re
import socket
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Send = Callable[[dict[str, Any]], Awaitable[None]]
    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Handler = Callable[[Any, "Context"], tuple[Any, str]]

BASE = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
DEFAULT_PORT = "8080"
JSON = "application/json"
KEEP_ALIVE_S = 120
REST_TIMEOUT_S = 60
THREADS = 4
MODEL_PATH = re.compile(r"/v1/models/([^/:]+)(?:/versions/([0-9]+))?(:[a-z]+)?")
ATTRIBUTE = re.compile(r"tfs-([a-z-]+)=([^,]+)")


class Context(NamedTuple):
    """What a handler is told about a request."""

    model_name: str | None
    model_version: str | None
    method: str | None
    rest_uri: str
    grpc_port: str
    channel: Any
    custom_attributes: str | None
    request_content_type: str
    accept_header: str
    content_length: int


class Answer(NamedTuple):
    """Status, body and content type of an answer."""

    status: int
    body: bytes
    kind: str = JSON


class Refused(Exception):
    """A request to the REST interface that it answers with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Servable:
    """One version of a model, as TensorFlow loaded it."""

    def __init__(self, folder: Path) -> None:
        import tensorflow as tf

        self._tf = tf
        self._loaded = tf.saved_model.load(str(folder))
        self._signatures = dict(self._loaded.signatures)

    def predict(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to a request in row format (`instances`) or in column format (`inputs`).

        Raises:
            Refused: it does not fit the signature.
        """
        name = request.get("signature_name", "serving_default")
        if name not in self._signatures:
            raise Refused(400, f'Serving signature name: "{name}" not found in signature def')
        if ("instances" in request) == ("inputs" in request):
            raise Refused(400, "Malformed request: expected either 'instances' or 'inputs'")
        call = self._signatures[name]
        specs = call.structured_input_signature[1]
        columns = _columns(request, sorted(specs))
        if columns.keys() != specs.keys():
            raise Refused(400, f"Malformed request: inputs {sorted(columns)}, expected {sorted(specs)}")
        try:
            tensors = {key: self._tf.constant(columns[key], specs[key].dtype) for key in specs}
            found = {key: value.numpy().tolist() for key, value in call(**tensors).items()}
        except (self._tf.errors.OpError, TypeError, ValueError, OverflowError) as error:
            raise Refused(400, str(error)) from error
        if "inputs" in request:
            return {"outputs": next(iter(found.values())) if len(found) == 1 else found}
        rows = [dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True)]
        return {"predictions": [next(iter(row.values())) for row in rows] if len(found) == 1 else rows}


class Container:
    """The ASGI application: the REST interface of the models, and the service that SageMaker calls."""

    def __init__(self, base: Path, port: int) -> None:
        self._model_directory = base / "model"
        self._address = f"http://localhost:{port}/v1/models"
        self._servables: dict[str, dict[str, Servable]] = {}
        self._default = ""
        self._handler: Handler | None = None
        self._models = concurrent.futures.ThreadPoolExecutor(THREADS, thread_name_prefix="model")
        self._handlers = concurrent.futures.ThreadPoolExecutor(THREADS, thread_name_prefix="handler")

    def load(self) -> None:
        """Load the models, then the script, which may already call them.

        Raises:
            ValueError: there is no SavedModel, or the script has no handler.
        """
        for graph in sorted(self._model_directory.rglob("saved_model.pb")):
            version, model = graph.parent.name, graph.parent.parent.name
            if version.isdigit():
                self._servables.setdefault(model, {})[version.lstrip("0") or "0"] = Servable(graph.parent)
        if not self._servables:
            raise ValueError("no SavedModel bundles found!")
        self._default = os.environ.get("SAGEMAKER_TFS_DEFAULT_MODEL_NAME", next(iter(self._servables)))
        os.environ["TFS_DEFAULT_MODEL_NAME"] = self._default
        script = self._model_directory / "code" / "inference.py"
        self._handler = load_handler(script) if script.exists() else forward

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        answer = await self._route(scope, await _body_of(receive))
        headers = [
            (b"content-type", answer.kind.encode("latin-1")),
            (b"content-length", str(len(answer.body)).encode()),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _route(self, scope: dict[str, Any], body: bytes) -> Answer:
        method, path = scope["method"], scope["path"]
        if found := MODEL_PATH.fullmatch(path):
            model, version, verb = found.groups()
            return await _in(self._models, lambda: self._rest(method, model, version, verb, body))
        if path == "/ping":
            return Answer(200 if self._handler else 503, b"")
        if path == "/invocations" and method == "POST" and self._handler:
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            return await _in(self._handlers, lambda: self._invoke(headers, body))
        return Answer(404, b"not found", "text/plain")

    def _rest(self, method: str, model: str, version: str | None, verb: str | None, body: bytes) -> Answer:
        """Answer a request to a model."""
        try:
            versions = self._servables.get(model, {})
            newest = max(versions, key=int, default="")
            if (version or newest) not in versions:
                raise Refused(404, f"Servable not found for request: {model} {version or 'latest'}")
            if method == "GET" and verb is None:
                states = [{"version": known, "state": "AVAILABLE"} for known in sorted(versions, key=int)]
                return Answer(200, json.dumps({"model_version_status": states}).encode())
            if method != "POST" or verb != ":predict":
                raise Refused(400, f"Malformed request: {method} {model}{verb or ''}, expected POST :predict")
            answer = versions[version or newest].predict(_parsed(body))
            return Answer(200, json.dumps(answer, default=bytes.decode).encode())
        except Refused as error:
            return Answer(error.status, json.dumps({"error": str(error)}).encode())

    def _invoke(self, headers: dict[str, str], body: bytes) -> Answer:
        """Have the script's handler answer."""
        assert self._handler is not None
        try:
            content, kind = self._handler(io.BytesIO(body), self._context(headers, len(body)))
        except Exception as error:  # noqa: BLE001 - whatever the user's script raises
            traceback.print_exc()
            return Answer(500, json.dumps({"error": str(error)}).encode())
        return Answer(200, content.encode() if isinstance(content, str) else bytes(content), kind)

    def _context(self, headers: dict[str, str], length: int) -> Context:
        custom = headers.get("x-amzn-sagemaker-custom-attributes")
        chosen: dict[str, str] = dict(ATTRIBUTE.findall(custom or ""))
        model, version, method = (chosen.get(name) for name in ("model-name", "model-version", "method"))
        uri = f"{self._address}/{model or self._default}"
        uri += f"/versions/{version}" if version else ""
        kinds = headers.get("content-type") or JSON, headers.get("accept") or JSON
        return Context(
            model, version, method, f"{uri}:{method or 'predict'}", "", None, custom, *kinds, length
        )


def load_handler(path: Path) -> Handler:
    """The handler of a script, made of its two halves where it has those.

    Raises:
        ValueError: it has neither.
    """
    sys.path.insert(0, str(path.parent))
    specification = importlib.util.spec_from_file_location("inference", path)
    assert specification is not None
    assert specification.loader is not None
    script = importlib.util.module_from_spec(specification)
    sys.modules["inference"] = script
    specification.loader.exec_module(script)
    if hasattr(script, "handler"):
        whole: Handler = script.handler
        return whole
    if not (hasattr(script, "input_handler") and hasattr(script, "output_handler")):
        raise ValueError(f"Script {path}: no handler, nor input_handler and output_handler, expected either.")

    def both(data: Any, context: Context) -> tuple[Any, str]:
        import requests

        reply = requests.post(
            context.rest_uri, data=script.input_handler(data, context), timeout=REST_TIMEOUT_S
        )
        answer: tuple[Any, str] = script.output_handler(reply, context)
        return answer

    return both


def forward(data: Any, context: Context) -> tuple[Any, str]:
    """The container's own handler: the body goes to the model and its answer back as they are."""
    import requests

    reply = requests.post(context.rest_uri, data=data.read(), timeout=REST_TIMEOUT_S)
    return reply.content, context.accept_header


def _columns(request: dict[str, Any], inputs: list[str]) -> dict[str, Any]:
    """The values of each input, from either format."""
    if "inputs" in request:
        values = _plain(request["inputs"])
        return values if isinstance(values, dict) else {inputs[0]: values}
    rows = _plain(request["instances"])
    if not isinstance(rows, list) or not rows:
        raise Refused(400, "Malformed request: expected 'instances' to be a list of rows")
    if isinstance(rows[0], dict):
        if any(not isinstance(row, dict) or row.keys() != rows[0].keys() for row in rows):
            raise Refused(400, "Malformed request: expected the same inputs in every row")
        return {name: [row[name] for row in rows] for name in rows[0]}
    return {inputs[0]: rows}


def _plain(value: Any) -> Any:
    """A JSON value with `{"b64": …}` decoded wherever it stands for bytes."""
    if isinstance(value, dict):
        if value.keys() == {"b64"}:
            return base64.b64decode(value["b64"])
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], (list, dict)):
        return [_plain(inner) for inner in value]
    return value


def _parsed(body: bytes) -> dict[str, Any]:
    """The JSON object of a body."""
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(400, f"JSON Parse error: {error}") from error
    if not isinstance(request, dict):
        raise Refused(400, "Malformed request: expected a JSON object")
    return request


async def _body_of(receive: Receive) -> bytes:
    """All of a request's body."""
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


async def _in(pool: concurrent.futures.Executor, call: Callable[[], Answer]) -> Answer:
    return await asyncio.get_running_loop().run_in_executor(pool, call)


class Server(uvicorn.Server):
    """Loads the container's models once it listens, and stops when they cannot be loaded."""

    def __init__(self, container: Container, port: int) -> None:
        super().__init__(
            uvicorn.Config(
                container,
                host="127.0.0.1",
                port=port,
                log_level="warning",
                access_log=False,
                lifespan="off",
                timeout_keep_alive=KEEP_ALIVE_S,
            )
        )
        self._container = container
        self.has_failed = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then begin to load: the script may call the models while it is imported."""
        await super().startup(sockets)
        threading.Thread(target=self._load, name="load", daemon=True).start()

    def _load(self) -> None:
        try:
            self._container.load()
        except Exception:  # noqa: BLE001 - whatever the model or its script raises
            traceback.print_exc()
            self.has_failed = self.should_exit = True


def main() -> int:
    """Serve until told to stop; 1 if the model cannot be loaded."""
    port = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", DEFAULT_PORT))
    os.environ["TFS_REST_PORTS"] = str(port)
    server = Server(Container(BASE, port), port)
    server.run()
    return int(server.has_failed)


if __name__ == "__main__":
    sys.exit(main())
