"""Whether the parts of a home answer."""

from __future__ import annotations

import http.client
import json
import socket
import time

from embedded_aws.settings import HOST, Settings
from embedded_aws.supervision.ports import Ports

PATH = "/_embedded_aws/health"
HEARTBEAT_LIMIT_S = 10.0
PARTS = ("s3", "moto", "edge", "controller")


def missing(settings: Settings) -> list[str]:
    """The parts that do not answer, in the order of PARTS; empty when all is well."""
    answers = {
        "s3": answers_http(settings.s3_port, "/"),
        "moto": _listens(Ports.of(settings).moto),
        "edge": answers_http(settings.port, PATH),
        "controller": controller_beats(settings),
    }
    return [part for part in PARTS if not answers[part]]


def controller_beats(settings: Settings) -> bool:
    """Whether the controller went round its loop lately."""
    try:
        return time.time() - (settings.run_dir / "heartbeat").stat().st_mtime < HEARTBEAT_LIMIT_S
    except OSError:
        return False


def report(settings: Settings) -> bytes:
    """The body of the health route."""
    parts = {
        "s3": _listens(Ports.of(settings).seaweedfs),
        "moto": _listens(Ports.of(settings).moto),
        "edge": True,
        "controller": controller_beats(settings),
    }
    return json.dumps({part: "running" if is_well else "missing" for part, is_well in parts.items()}).encode()


def answers_http(port: int, path: str) -> bool:
    """Whether an HTTP server on the port answers at all."""
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", path)
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0
