"""Listeners for metrics on this machine: what OpenTelemetry's exporters and StatsD's client send is kept."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseRequestHandler, ThreadingUDPServer


class Collector(ThreadingHTTPServer):
    """Takes everything, and remembers it by path."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.received: dict[str, bytes] = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received[self.path] = self.server.received.get(self.path, b"") + body
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


class Statsd(ThreadingUDPServer):
    """Takes StatsD's datagrams, and remembers the metrics by their names."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Datagram)
        self.received: dict[str, str] = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Datagram(BaseRequestHandler):
    server: Statsd

    def handle(self) -> None:
        body: bytes = self.request[0]
        for line in body.decode().splitlines():
            name, _, value = line.partition(":")
            self.server.received[name] = value
