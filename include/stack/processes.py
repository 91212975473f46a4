"""Airflow's processes, found again whatever happened to their supervisor, and who holds a port.

Every process of ours carries a marker variable with the path of its state folder, and so do its children.
What a kill -9 of the supervisor leaves behind is found by it; nobody else's process is touched.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil

from stack.errors import PortTaken

MARKER = "HISTOFLOW_STACK"
GRACE_S = 5.0


def marker(airflow_home: Path) -> dict[str, str]:
    """Return the variable that marks a process as one of this Airflow's."""
    return {MARKER: str(airflow_home.resolve())}


def find(airflow_home: Path) -> list[psutil.Process]:
    """Return this Airflow's live processes, without the calling one and its ancestors."""
    wanted = marker(airflow_home)[MARKER]
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        if process.pid not in own and _is_marked(process, wanted):
            found[process.pid] = process
            found.update({child.pid: child for child in _children(process) if child.pid not in own})
    return list(found.values())


def stop(airflow_home: Path, grace_s: float = GRACE_S) -> list[str]:
    """End every process of this Airflow, politely first; return the command lines of those it ended."""
    ended: dict[int, str] = {}
    patience = grace_s
    while remaining := find(airflow_home):
        for process in remaining:
            ended.setdefault(process.pid, command_line(process))
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate() if patience else process.kill()
        psutil.wait_procs(remaining, timeout=patience or 5)
        patience = 0.0
    return list(ended.values())


def require_port(port: int, purpose: str, variable: str, own_home: Path | None = None) -> None:
    """Check that a port of 127.0.0.1 is free, or held by a process of our own.

    Args:
        port: to listen on.
        purpose: who wants to.
        variable: the setting that changes the port.
        own_home: a process that has this path in its environment is one of our own.

    Raises:
        PortTaken: names the port, its owner where the system tells, and the setting.
    """
    if is_free(port):
        return
    owners = list(_listeners(port))
    if own_home and any(_has_value(owner, str(own_home.resolve())) for owner in owners):
        return
    shown = ", ".join(f"pid {owner.pid} ({command_line(owner)})" for owner in owners)
    raise PortTaken(
        f"port {port}: taken by {shown or 'a process this user may not see'}, expected free for {purpose}. "
        f"Stop that process, or set {variable} to another port."
    )


def is_free(port: int) -> bool:
    """Tell whether a server can listen on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def command_line(process: psutil.Process, limit: int = 100) -> str:
    """Return a process's command, shortened, or its name where the command is not to be seen."""
    try:
        text = shlex.join(process.cmdline()) or process.name()
    except psutil.Error:
        return "ended"
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _is_marked(process: psutil.Process, wanted: str) -> bool:
    return not _is_zombie(process) and _environment(process).get(MARKER) == wanted


def _has_value(process: psutil.Process, value: str) -> bool:
    return value in _environment(process).values()


def _is_zombie(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return True


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except (psutil.Error, OSError):
        return {}


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [child for child in process.children(recursive=True) if not _is_zombie(child)]
    except psutil.Error:
        return []


def _listeners(port: int) -> Iterator[psutil.Process]:
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return
    listening = [c for c in connections if c.status == psutil.CONN_LISTEN]
    for pid in sorted({c.pid for c in listening if c.pid and c.laddr and c.laddr.port == port}):
        with contextlib.suppress(psutil.NoSuchProcess):
            yield psutil.Process(pid)
