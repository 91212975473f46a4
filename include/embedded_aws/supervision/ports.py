"""The ports of one embedded AWS, and who holds one that is taken."""

from __future__ import annotations

import contextlib
import shlex
import socket
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from embedded_aws.errors import PortTaken, SettingError
from embedded_aws.settings import HOST, LARGEST_PORT, Settings, how_to_set


@dataclass(frozen=True)
class Ports:
    """Every port a home listens on; all on the loopback interface."""

    edge: int
    s3: int
    moto: int
    master: int
    volume: int
    filer: int
    metrics: int
    master_grpc: int
    volume_grpc: int
    filer_grpc: int
    s3_grpc: int
    seaweedfs: int
    keys: int

    @classmethod
    def of(cls, settings: Settings) -> Ports:
        """The two public ports and the block of internal ones after `internal_port`.

        Raises:
            SettingError: two of them coincide or lie beyond the last port.
        """
        first = settings.first_internal_port
        ports = cls(settings.port, settings.s3_port, *range(first, first + len(_INTERNAL)))
        values = list(vars(ports).values())
        for port in values:
            if values.count(port) > 1:
                raise SettingError(
                    f"Port {port}: asked for twice, expected distinct ports (internal ones are {first} to "
                    f"{first + len(_INTERNAL) - 1}). {how_to_set('internal_port')}"
                )
            if port > LARGEST_PORT:
                raise SettingError(
                    f"Port {port}: beyond {LARGEST_PORT}, expected a lower one. {how_to_set('internal_port')}"
                )
        return ports

    def check_free(self) -> None:
        """Raise PortTaken for the first port somebody already listens on."""
        for name, port in vars(self).items():
            if not is_free(port):
                setting = {"edge": "port", "s3": "s3_port"}.get(name, "internal_port")
                raise PortTaken(
                    f"Port {port} ({name}): taken by {told(holders(port))}, expected it free. "
                    f"Stop that process, or choose another port. {how_to_set(setting)}"
                )


_INTERNAL = [name for name in Ports.__dataclass_fields__ if name not in ("edge", "s3")]


def is_free(port: int) -> bool:
    """Whether a server can listen on this port of the loopback interface."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def holders(port: int) -> list[psutil.Process]:
    """The processes that listen on the port, as far as this user may see them."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.Error:
        return []
    listening = [one for one in connections if one.status == psutil.CONN_LISTEN and one.laddr[1:] == (port,)]
    found = []
    for pid in sorted({one.pid for one in listening if one.pid}):
        with contextlib.suppress(psutil.Error):
            found.append(psutil.Process(pid))
    return found


def told(holding: Sequence[psutil.Process]) -> str:
    """Name the processes by pid and command."""
    return ", ".join(f"process {one.pid} ({command_line(one)})" for one in holding) or "another process"


def command_line(process: psutil.Process, limit: int = 100) -> str:
    """A process's command, shortened, or its name where the command is not to be seen."""
    try:
        text = shlex.join(process.cmdline()) or process.name()
    except psutil.Error:
        return "ended"
    return text if len(text) <= limit else text[: limit - 1] + "…"
