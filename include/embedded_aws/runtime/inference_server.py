"""Serves a model as the sagemaker-inference toolkit of the framework images does.

Run by the runtime's own interpreter, which has uvicorn; Python 3.8 or later. Loads the script
SAGEMAKER_PROGRAM (inference.py) from /opt/ml/model/code and calls its `model_fn`, then for each
request `transform_fn`, or `input_fn`, `predict_fn` and `output_fn`. GET /ping answers once the model
is loaded; POST /invocations answers a prediction. A ValueError is the client's fault (400), an
unsupported content type too (415); any other exception is ours (500).

Source: https://github.com/aws/sagemaker-inference-toolkit
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import importlib.util
import json
import os
import sys
import traceback
from types import ModuleType
from typing import TYPE_CHECKING, Any

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Send = Callable[[dict[str, Any]], Awaitable[None]]
    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Answer = tuple[int, bytes, str]

BASE = os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")
DEFAULT_PROGRAM = "inference.py"
DEFAULT_PORT = "8080"
JSON, NPY, CSV, OCTETS = "application/json", "application/x-npy", "text/csv", "application/octet-stream"
KEEP_ALIVE_S = 120
MESSAGE_LENGTH = 1024


class UnsupportedFormat(Exception):
    """The content type or the accepted type is none the model's script knows."""


class Model:
    """A user's script and the model it loaded."""

    def __init__(self, script: ModuleType, model_directory: str) -> None:
        self._script = script
        load = getattr(script, "model_fn", None)
        if load is None:
            raise ValueError(f"Script {script.__file__}: no model_fn(model_dir), expected one.")
        self._model = load(model_directory)
        self._transform = getattr(script, "transform_fn", None)
        steps = [name for name in ("input_fn", "predict_fn", "output_fn") if hasattr(script, name)]
        if self._transform is not None and steps:
            also = ", ".join(steps)
            raise ValueError(
                f"Script {script.__file__}: transform_fn beside {also}, expected one or the other."
            )

    def answer(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """The prediction for a request's body, and its content type."""
        if self._transform is not None:
            result = self._transform(self._model, body, content_type, accept)
        else:
            data = getattr(self._script, "input_fn", decode)(body, content_type)
            prediction = getattr(self._script, "predict_fn", predict)(data, self._model)
            result = getattr(self._script, "output_fn", encode)(prediction, accept)
        content, kind = result if isinstance(result, tuple) else (result, accept)
        return (content.encode() if isinstance(content, str) else bytes(content)), kind


class Server:
    """The ASGI application; the model is loaded and called in one thread of its own."""

    def __init__(self, script: str, model_directory: str) -> None:
        self._script = script
        self._directory = model_directory
        self._model: Model | None = None
        self._thread = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="model")

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request, or load the model when the server starts."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            status, body, kind = await self._route(scope, receive)
            headers = [
                (b"content-type", kind.encode("latin-1")),
                (b"content-length", str(len(body)).encode()),
            ]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            self._model = await self._in_thread(lambda: Model(load_script(self._script), self._directory))
        except Exception as error:  # noqa: BLE001 - whatever the user's script raises
            traceback.print_exc()
            await send({"type": "lifespan.startup.failed", "message": f"the model does not load: {error}"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _route(self, scope: dict[str, Any], receive: Receive) -> Answer:
        if scope["path"] == "/ping":
            return 200, b"", "text/plain"
        if scope["path"] != "/invocations" or scope["method"] != "POST":
            return 404, b"not found", "text/plain"
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        parts, more = [], True
        while more:
            message = await receive()
            parts.append(message.get("body", b""))
            more = message.get("more_body", False)
        content_type = headers.get("content-type", JSON)
        accept = headers.get("accept", "*/*")
        if accept in ("", "*/*"):
            accept = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", JSON)
        answer: Answer = await self._in_thread(lambda: self._answer(b"".join(parts), content_type, accept))
        return answer

    def _answer(self, body: bytes, content_type: str, accept: str) -> Answer:
        assert self._model is not None
        try:
            content, kind = self._model.answer(body, content_type, accept)
        except UnsupportedFormat as error:
            return 415, short(error), "text/plain"
        except ValueError as error:
            return 400, short(error), "text/plain"
        except Exception as error:  # noqa: BLE001 - whatever the user's script raises
            traceback.print_exc()
            return 500, f"{type(error).__name__}: ".encode() + short(error), "text/plain"
        return 200, content, kind

    async def _in_thread(self, call: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)


def decode(body: bytes, content_type: str) -> Any:
    """The toolkit's default input_fn: JSON, CSV and NumPy arrays as an array."""
    import io

    import numpy

    kind = content_type.partition(";")[0].strip()
    if kind == JSON:
        return numpy.array(json.loads(body))
    if kind == NPY:
        return numpy.load(io.BytesIO(body), allow_pickle=False)
    if kind == CSV:
        return numpy.genfromtxt(io.BytesIO(body), delimiter=",")
    raise UnsupportedFormat(f"Content type {content_type} is not supported by this framework.")


def predict(data: Any, model: Any) -> Any:
    """The toolkit has no default predict_fn; a model that can be called is one."""
    if callable(model):
        return model(data)
    raise TypeError("The script has neither transform_fn nor predict_fn, and its model cannot be called.")


def encode(prediction: Any, accept: str) -> tuple[bytes, str]:
    """The toolkit's default output_fn: JSON or a NumPy array."""
    if accept == NPY:
        import io

        import numpy

        buffer = io.BytesIO()
        numpy.save(buffer, numpy.asarray(prediction), allow_pickle=False)
        return buffer.getvalue(), NPY
    if accept not in (JSON, OCTETS):
        raise UnsupportedFormat(f"Accept {accept} is not supported by this framework.")
    plain = prediction.tolist() if hasattr(prediction, "tolist") else prediction
    return json.dumps(plain).encode(), JSON


def load_script(path: str) -> ModuleType:
    """The user's script as a module; its directory is on the import path."""
    sys.path.insert(0, os.path.dirname(path))
    name = os.path.splitext(os.path.basename(path))[0]
    specification = importlib.util.spec_from_file_location(name, path)
    if specification is None or specification.loader is None or not os.path.exists(path):
        raise ValueError(f"Script {path}: not there, expected the model's archive to hold it.")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module


def short(error: Exception) -> bytes:
    """An exception's message, cut to what a client may read."""
    return str(error)[:MESSAGE_LENGTH].encode("utf-8", "replace")


def main() -> None:
    """Serve until told to stop."""
    program = os.environ.get("SAGEMAKER_PROGRAM", DEFAULT_PROGRAM)
    code = os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
    if not os.path.isdir(code):
        code = os.path.join(BASE, "model", "code")
    serve(os.path.join(code, program))


def serve(script: str) -> None:
    """Serve the model with a script until told to stop."""
    server = Server(script, os.path.join(BASE, "model"))
    port = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", DEFAULT_PORT))
    uvicorn.run(
        server,
        host="127.0.0.1",
        port=port,
        log_level="warning",
        access_log=False,
        lifespan="on",
        timeout_keep_alive=KEEP_ALIVE_S,
    )


if __name__ == "__main__":
    main()
