from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from embedded_aws.supervision import ports
from stack import processes
from stack.errors import PortTaken

# Says that it is there, then waits; the second also ignores a polite request to end.
WAIT = "print(flush=True); import signal; signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + WAIT
# Starts a child in a session of its own, which is no longer reached by signals to the group.
PARENT = """
import subprocess, sys
command = [sys.executable, "-c", sys.argv[1]]
child = subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
child.wait()
"""
# Looks for the processes of the stack whose marker it carries itself.
SEARCH = """
import sys
from pathlib import Path
from stack import processes
print(processes.find(Path(sys.argv[1])))
"""

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """A function that starts a Python script and waits until it has printed its first line."""
    started: list[subprocess.Popen[str]] = []

    def run(script: str, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", script, *arguments],
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        process.first_line = process.stdout.readline().strip()  # type: ignore[attr-defined]
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_finds_and_ends_what_is_marked_and_nothing_else(tmp_path: Path, start: Start) -> None:
    ours = start(PARENT, WAIT, **processes.marker(tmp_path / "a"))
    other_stack = start(WAIT, **processes.marker(tmp_path / "b"))
    stranger = start(WAIT)
    child = int(ours.first_line)  # type: ignore[attr-defined]

    assert {process.pid for process in processes.find(tmp_path / "a")} == {ours.pid, child}
    ended = processes.stop(tmp_path / "a")

    assert len(ended) == 2
    assert not is_alive(ours.pid)
    assert not is_alive(child)
    assert other_stack.poll() is None
    assert stranger.poll() is None
    assert processes.find(tmp_path / "a") == []


def test_kills_what_does_not_listen(tmp_path: Path, start: Start) -> None:
    deaf = start(STUBBORN, **processes.marker(tmp_path))

    processes.stop(tmp_path, grace_s=0.2)

    assert not is_alive(deaf.pid)


def test_the_caller_is_never_among_them(tmp_path: Path) -> None:
    include = str(Path(processes.__file__).parents[1])

    done = subprocess.run(
        [sys.executable, "-c", SEARCH, str(tmp_path)],
        env={**os.environ, **processes.marker(tmp_path), "PYTHONPATH": include},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == "[]"


def test_a_taken_port_names_its_owner_and_the_setting(free_port: Callable[[], int]) -> None:
    port = free_port()
    processes.require_port(port, "Airflow", "HISTOFLOW_AIRFLOW_PORT")

    with socket.create_server(("127.0.0.1", port)):
        assert not ports.is_free(port)
        with pytest.raises(PortTaken) as caught:
            processes.require_port(port, "Airflow", "HISTOFLOW_AIRFLOW_PORT")

    message = str(caught.value)
    assert message.startswith(f"port {port}: taken by process {os.getpid()} (")
    assert "expected free for Airflow" in message
    assert "set HISTOFLOW_AIRFLOW_PORT to another port" in message
