"""How records reach a model's server: as asked, else as the container tells, else as by default."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from embedded_aws.transform.model_client import ModelClient, Parameters
from embedded_aws.transform.transform_failures import BadAnswer, BadRecord

TOLD = {"MaxConcurrentTransforms": 8, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 2}


class Handler(BaseHTTPRequestHandler):
    """Answers with the status the body asks for; fails once before a good answer to `again`."""

    asked: ClassVar[list[bytes]] = []

    def do_GET(self) -> None:
        self.answer(200, json.dumps(TOLD).encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.asked.append(body)
        if body == b"again" and self.asked.count(body) == 1:
            self.answer(503, b"")
        else:
            self.answer(int(body) if body.isdigit() else 200, self.headers.get("accept", "none").encode())

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    Handler.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def client(port: int, accept: str = "text/csv", **config: int) -> ModelClient:
    return ModelClient(port, config, "text/csv", accept)


def test_parameters_told_by_the_container_hold_where_nothing_is_asked(port: int) -> None:
    sender = client(port)
    told = sender.told_parameters()
    sender.close()
    assert str(Parameters.effective({}, told)) == (
        "MaxConcurrentTransforms=8, MaxPayloadInMB=2, BatchStrategy=SINGLE_RECORD"
    )
    asked = {"MaxConcurrentTransforms": 3, "MaxPayloadInMB": 0, "BatchStrategy": "MultiRecord"}
    assert Parameters.effective(asked, told) == Parameters(3, 0, "MultiRecord")
    assert Parameters.effective({"MaxConcurrentTransforms": 0}, told).concurrency == 8
    assert Parameters.effective({}, {}) == Parameters(1, 6, "MultiRecord")
    assert Parameters(1, 0, "MultiRecord").limit_bytes is None


def test_a_server_without_parameters_tells_none() -> None:
    assert client(1).told_parameters() == {}


def test_only_the_servers_own_failures_are_tried_again(port: int) -> None:
    sender = client(port, InvocationsMaxRetries=2)
    assert sender.invoke(b"again") == b"text/csv"
    assert Handler.asked == [b"again", b"again"]
    with pytest.raises(BadRecord, match="400: text/csv"):
        sender.invoke(b"400")
    with pytest.raises(BadAnswer, match="500: text/csv"):
        sender.invoke(b"500")
    assert Handler.asked.count(b"500") == 3
    assert Handler.asked.count(b"400") == 1
    sender.close()


def test_nobody_listens() -> None:
    with pytest.raises(BadAnswer, match="Unable to get response from algorithm"):
        client(1, InvocationsMaxRetries=0).invoke(b"")
