"""Finding and ending the processes of one home, and no others.

Every process we start carries the home in a variable of its environment, which its children
inherit; a process is identified by its pid together with its start time.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

MARKER = "EMBEDDED_AWS_PROCESS_OF"
ROLE = "EMBEDDED_AWS_PROCESS_ROLE"
OWNER = "EMBEDDED_AWS_PROCESS_OWNER"
ALLOWED_VARIABLES = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "HOME", "LD_LIBRARY_PATH", "SSL_CERT_FILE")
NO_CALLERS_AWS = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
KILL_WAIT_S = 10.0
POLL_S = 0.02


@dataclass(frozen=True)
class OwnProcess:
    """A live process of a home: its role (edge, agent, container …) and the resource it works for."""

    process: psutil.Process
    role: str
    owner: str


def belonging_to(home: Path, marker: str = MARKER) -> list[OwnProcess]:
    """Live processes that carry the home in the variable `marker`, but for the caller."""
    found = []
    for process in psutil.process_iter():
        try:
            variables = process.environ()
            is_live = process.status() != psutil.STATUS_ZOMBIE
        except (psutil.Error, OSError):
            continue
        if is_live and process.pid != os.getpid() and variables.get(marker) == str(home):
            found.append(OwnProcess(process, variables.get(ROLE, ""), variables.get(OWNER, "")))
    return found


def marked_environment(home: Path, role: str, owner: str = "") -> dict[str, str]:
    """The environment of a process of ours: an allow-list of the caller's variables and the marker."""
    kept = {name: os.environ[name] for name in ALLOWED_VARIABLES if name in os.environ}
    return {**kept, **NO_CALLERS_AWS, **marks(home, role, owner)}


def marks(home: Path, role: str, owner: str = "") -> dict[str, str]:
    """The variables by which a process of ours is known again."""
    return {MARKER: str(home), ROLE: role, OWNER: owner}


def start_time(pid: int) -> int:
    """Clock ticks from boot to the process's start, 0 if it is gone or only waits to be reaped.

    A pid is used again, the pair of both is not, and no change of the clock moves it.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    state, started = fields[0], int(fields[19])
    return 0 if state in "ZX" else started


def is_alive(pid: int, started: int) -> bool:
    """Whether the very process that started then still runs."""
    return started != 0 and start_time(pid) == started


def terminate(pid: int, started: int) -> None:
    """Ask the very process that started then to end."""
    if is_alive(pid, started):
        os.kill(pid, signal.SIGTERM)


def kill_tree(pid: int, started: int) -> None:
    """Kill the very process that started then, and all below it."""
    if is_alive(pid, started):
        process = psutil.Process(pid)
        kill([process, *process.children(recursive=True)])


def end(processes: Iterable[psutil.Process], grace_s: float) -> None:
    """Ask the processes to end, then kill what is left after the grace."""
    remaining = list(processes)
    _signal(remaining, signal.SIGTERM)
    kill(_still_there(remaining, grace_s))


def kill(processes: Iterable[psutil.Process]) -> None:
    """Kill the processes and wait until they are gone."""
    remaining = list(processes)
    _signal(remaining, signal.SIGKILL)
    _still_there(remaining, KILL_WAIT_S)


def _signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.Error:
            continue  # it ended by itself: nothing left to end


def _still_there(processes: list[psutil.Process], timeout_s: float) -> list[psutil.Process]:
    """Wait for the processes to end; those that have not. One that only waits to be reaped has ended."""
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    remaining = processes
    while remaining := [process for process in remaining if start_time(process.pid) and process.is_running()]:
        if time.monotonic() > deadline:
            break
        pause.wait(POLL_S)
    return remaining
