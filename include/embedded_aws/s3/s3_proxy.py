"""S3 proxy: forwards the S3 port to SeaweedFS and adds the KMS key that a client leaves out.

With `aws:kms` and no key, S3 uses the account's default key; SeaweedFS refuses the request. The proxy
reads the head of each request. If the key's header is missing, it adds it and signs the request again.

Not an HTTP library: bodies and responses move from socket to socket in the kernel (splice), so large
objects cost neither memory nor Python time.

Run as `python -m embedded_aws.s3.s3_proxy HOME`; it also serves the encryption keys to SeaweedFS.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import socket
import socketserver
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from embedded_aws.s3 import encryption_keys
from embedded_aws.settings import HOST, load
from embedded_aws.supervision.ports import Ports
from embedded_aws.wire import signing
from embedded_aws.wire.credentials import Credentials, load_or_create

PIPE_BYTES = 1024 * 1024
LONGEST_HEAD_BYTES = 1024 * 1024
CONNECT_TIMEOUT_S = 5.0
UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
KEY_HEADER = "x-amz-server-side-encryption-aws-kms-key-id"
_HEAD_END = b"\r\n\r\n"
_KMS = re.compile(rb"\r\nx-amz-server-side-encryption:\s*aws:kms(:dsse)?\s*\r\n", re.IGNORECASE)
_KEY = re.compile(rf"\r\n{KEY_HEADER}:".encode(), re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)\s*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)


class Connection(socketserver.BaseRequestHandler):
    """A client's connection and its connection to SeaweedFS."""

    server: S3Proxy
    request: socket.socket

    def handle(self) -> None:
        """Forward requests in this thread and responses in another until one side closes."""
        try:
            upstream = socket.create_connection((HOST, self.server.upstream_port), CONNECT_TIMEOUT_S)
        except OSError:
            self.request.sendall(UNAVAILABLE)
            return
        with upstream:
            for end in (upstream, self.request):
                end.settimeout(None)
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            answers = threading.Thread(target=_answer, args=(upstream, self.request), daemon=True)
            answers.start()
            with contextlib.suppress(OSError), _pipe() as pipe:
                _pass_requests(self.request, upstream, pipe, self.server.credentials)
            with contextlib.suppress(OSError):
                upstream.shutdown(socket.SHUT_WR)
            answers.join()


class S3Proxy(socketserver.ThreadingTCPServer):
    """Listens on the S3 port."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, address: tuple[str, int], upstream_port: int, credentials: Credentials) -> None:
        self.upstream_port = upstream_port
        self.credentials = credentials
        super().__init__(address, Connection)


def with_key(head: bytes, credentials: Credentials) -> bytes:
    """Return the head of a request, with the default key if it asks for `aws:kms` without a key."""
    if _KMS.search(head) is None or _KEY.search(head) is not None:
        return head
    first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    method, target, _ = first.split(" ", 2)
    path, _, query = target.partition("?")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    request = signing.Request(method, path, query, headers, b"")
    authorization = signing.s3_authorization(request, KEY_HEADER, encryption_keys.DEFAULT_KEY, credentials)
    if authorization is None:
        return head  # SeaweedFS says what is wrong
    kept = [line for line in lines if not line.lower().startswith("authorization:")]
    added = [f"Authorization: {authorization}", f"{KEY_HEADER}: {encryption_keys.DEFAULT_KEY}"]
    return "\r\n".join([first, *kept, *added, "", ""]).encode("latin-1")


def _pass_requests(
    client: socket.socket, upstream: socket.socket, pipe: tuple[int, int], credentials: Credentials
) -> None:
    """Forward requests until the client closes the connection."""
    buffer = b""
    while True:
        while _HEAD_END not in buffer and len(buffer) < LONGEST_HEAD_BYTES:
            data = client.recv(65_536)
            if not data:
                upstream.sendall(buffer)
                return
            buffer += data
        head, end, rest = buffer.partition(_HEAD_END)
        upstream.sendall(with_key(head + end, credentials))
        length = _LENGTH.search(head + end)
        size = int(length[1]) if length else 0
        if not end or _CHUNKED.search(head):
            size = sys.maxsize  # the end of the body is unknown: forward all that follows
        upstream.sendall(rest[:size])
        _move(client, upstream, pipe, size - len(rest[:size]))
        buffer = rest[size:]


def _answer(upstream: socket.socket, client: socket.socket) -> None:
    with contextlib.suppress(OSError), _pipe() as pipe:
        _move(upstream, client, pipe, sys.maxsize)
    for end in (upstream, client):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def _move(source: socket.socket, target: socket.socket, pipe: tuple[int, int], size: int) -> None:
    """Move up to `size` bytes from socket to socket without reading them."""
    reading, writing = pipe
    while size > 0:
        count = os.splice(source.fileno(), writing, min(size, PIPE_BYTES))
        if count == 0:
            return
        size -= count
        while count > 0:
            count -= os.splice(reading, target.fileno(), count)


@contextlib.contextmanager
def _pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    try:
        with contextlib.suppress(OSError):  # an unprivileged user may have only so much of it
            fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        yield reading, writing
    finally:
        os.close(reading)
        os.close(writing)


def main() -> None:
    """Serve until told to stop."""
    settings = load(Path(sys.argv[1]))
    ports = Ports.of(settings)
    keys = encryption_keys.server(settings)
    threading.Thread(target=keys.serve_forever, daemon=True).start()
    S3Proxy((settings.listen, ports.s3), ports.seaweedfs, load_or_create(settings.home)).serve_forever()


if __name__ == "__main__":
    main()
