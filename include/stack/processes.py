"""The stack's processes, found by a marker variable even after a kill -9 of their supervisor.

Every process carries the path of its state folder in the variable, and so do its children. Processes of
others are never touched.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import psutil

from embedded_aws.supervision import processes
from embedded_aws.supervision.ports import command_line, holders, is_free, told
from stack.errors import PortTaken

MARKER = "HISTOFLOW_STACK"
GRACE_S = 5.0


def marker(home: Path) -> dict[str, str]:
    """Return the variable that marks a process as one of this state folder."""
    return {MARKER: str(home.resolve())}


def find(home: Path) -> list[psutil.Process]:
    """Return the live processes of a state folder, without the calling one and its ancestors."""
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found: dict[int, psutil.Process] = {}
    for marked in processes.belonging_to(home.resolve(), MARKER):
        with contextlib.suppress(psutil.Error):
            family = [marked.process, *marked.process.children(recursive=True)]
            found.update({one.pid: one for one in family if processes.start_time(one.pid)})
    return [process for pid, process in found.items() if pid not in own]


def stop(home: Path, grace_s: float = GRACE_S) -> list[str]:
    """End every process of a state folder, politely first; return the command lines of those it ended."""
    ended: dict[int, str] = {}
    while remaining := find(home):
        for process in remaining:
            ended.setdefault(process.pid, command_line(process))
        processes.end(remaining, grace_s)
        grace_s = 0.0
    return list(ended.values())


def require_port(port: int, purpose: str, variable: str, own_home: Path | None = None) -> None:
    """Check that a port of 127.0.0.1 is free, or held by a process of our own.

    Args:
        port: to listen on.
        purpose: what it is for.
        variable: the setting that changes the port.
        own_home: a process that has this path in its environment is one of our own.

    Raises:
        PortTaken: names the port, its owner where the system tells, and the setting.
    """
    if is_free(port):
        return
    owners = holders(port)
    if own_home and any(_has_value(owner, str(own_home.resolve())) for owner in owners):
        return
    raise PortTaken(
        f"port {port}: taken by {told(owners)}, expected free for {purpose}. "
        f"Stop that process, or set {variable} to another port."
    )


def _has_value(process: psutil.Process, value: str) -> bool:
    try:
        return value in process.environ().values()
    except (psutil.Error, OSError):
        return False
