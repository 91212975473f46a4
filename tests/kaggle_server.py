"""A Kaggle over HTTP: the API's two calls that Histoflow makes, and the storage it redirects to.

The unmodified client is sent here by two variables: `KAGGLE_API_ENVIRONMENT=TEST` makes it call
`http://localhost:7777`, and `http_proxy` this server, which then is asked for that whole address.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

DATASET = "owner/histology"
LOGIN, KEY, TOKEN = "pathologist", "canary-5f3c9e", "KGAT_canary-77aa01"
RULES = "You must accept this dataset's rules"
_BLOCK = 64 << 10


@dataclass
class Kaggle:
    """What the server holds and how it misbehaves; at each of the `cuts` a transfer breaks off once."""

    versions: dict[int, bytes]
    dataset: str = DATASET
    port: int = 0
    cuts: list[int] = field(default_factory=list)
    refusals: list[tuple[int, dict[str, str]]] = field(default_factory=list)  # of the API: status, headers
    away_after: int | None = None  # so many calls of the API
    needs_rules: bool = False
    has_ranges: bool = True
    has_etag: bool = True
    announced_md5: str | None = None  # a wrong one
    redirect: str | None = None  # to somewhere else than this server's storage
    stop_at: int | None = None  # a transfer waits here, at this offset, until it is cut by the other side
    is_waiting: threading.Event = field(default_factory=threading.Event)
    calls: Counter[str] = field(default_factory=Counter)
    bytes_served: int = 0  # of archives, all that were written to sockets

    @property
    def environment(self) -> dict[str, str]:
        """The variables that bring Kaggle's client here; S3 at 127.0.0.1 is left alone."""
        return {
            "KAGGLE_API_ENVIRONMENT": "TEST",
            "http_proxy": f"http://127.0.0.1:{self.port}",
            "no_proxy": "127.0.0.1",
        }

    def address(self, version: int, name: str = "archive.zip") -> str:
        """The storage's own address of a version."""
        return f"http://127.0.0.1:{self.port}/storage/{version}/{name}"

    def etag(self, version: int) -> str:
        """The entity tag of a version's bytes."""
        return f'"{hashlib.md5(self.versions[version]).hexdigest()}"'


@contextlib.contextmanager
def serving(versions: dict[int, bytes]) -> Iterator[Kaggle]:
    """A running server that holds these versions of one data set."""
    kaggle = Kaggle(versions)
    handler = type("Handler", (_Handler,), {"kaggle": kaggle})
    with _Server(("127.0.0.1", 0), handler) as server:
        kaggle.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield kaggle
        kaggle.stop_at = None
        server.shutdown()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Take it quietly when a client is gone."""


class _Handler(BaseHTTPRequestHandler):
    kaggle: Kaggle
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        call = urlsplit(self.path).path.removeprefix("/api/v1/datasets.DatasetApiService/")
        self.kaggle.calls[call] += 1
        status, content, headers = self._api(call, body)
        if status >= 400:
            content = {"code": status, **content}
        self._answer(status, json.dumps(content).encode(), **{"Content-Type": "application/json", **headers})

    def _api(self, call: str, body: dict[str, Any]) -> tuple[int, dict[str, Any], dict[str, str]]:
        """The status, content and headers of an answer to one call."""
        kaggle = self.kaggle
        pair = base64.b64encode(f"{LOGIN}:{KEY}".encode()).decode()
        version = body.get("datasetVersionNumber") or max(kaggle.versions)
        if kaggle.refusals:
            status, headers = kaggle.refusals.pop(0)
            return status, {"message": "no"}, headers
        if kaggle.away_after is not None and kaggle.calls.total() > kaggle.away_after:
            return 503, {"message": "away"}, {}
        if self.headers.get("Authorization") not in (f"Bearer {TOKEN}", f"Basic {pair}"):
            return 401, {"message": "Unauthenticated"}, {}
        if f"{body['ownerSlug']}/{body['datasetSlug']}" != kaggle.dataset or version not in kaggle.versions:
            return 404, {"message": "Not found"}, {}
        if call == "GetDataset":
            return 200, {"ref": kaggle.dataset, "currentVersionNumber": version}, {}
        if kaggle.needs_rules:
            return 403, {"message": RULES}, {}
        assert call == "DownloadDataset"
        to = kaggle.redirect or f"{kaggle.address(version)}?X-Goog-Signature=secret"
        return 302, {}, {"Location": to}

    def do_GET(self) -> None:
        found = re.fullmatch(r"/storage/(\d+)/archive\.zip", urlsplit(self.path).path)
        if found is None:
            self._answer(404, b"")
        elif "Authorization" in self.headers:
            self._answer(400, b"the token must not travel to the storage")
        else:
            self._archive(int(found[1]))

    def _archive(self, version: int) -> None:
        content, etag = self.kaggle.versions[version], self.kaggle.etag(version)
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        is_same = self.headers.get("If-Range", etag) == etag
        start, end = 0, len(content)
        if self.kaggle.has_ranges and is_same and wanted is not None:
            start = int(wanted[1])
            end = min(int(wanted[2]) + 1, end) if wanted[2] else end
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(content)}")
        else:
            self.send_response(200)
        if self.kaggle.has_etag:
            self.send_header("ETag", etag)
        md5 = self.kaggle.announced_md5 or hashlib.md5(content).hexdigest()
        self.send_header("x-goog-hash", f"md5={base64.b64encode(bytes.fromhex(md5)).decode()}")
        self.send_header("Content-Length", str(end - start))
        self.end_headers()
        self._send(memoryview(content), start, end)

    def _send(self, content: memoryview, start: int, end: int) -> None:
        at = start
        with contextlib.suppress(ConnectionError):
            while at < end:
                cut = min((cut for cut in self.kaggle.cuts if start <= cut < end), default=None)
                stops = [stop for stop in (cut, self.kaggle.stop_at) if stop is not None and stop >= at]
                until = min([end, at + _BLOCK, *stops])
                self.kaggle.bytes_served += until - at
                self.wfile.write(content[at:until])
                at = until
                if cut == at:
                    self.kaggle.cuts.remove(cut)
                    self.close_connection = True
                    break
                if self.kaggle.stop_at == at and at < end:
                    self.kaggle.is_waiting.set()
                    self.connection.settimeout(60)
                    self.close_connection = True
                    self.connection.recv(1)  # returns when the client is gone
                    break

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Keep quiet."""
