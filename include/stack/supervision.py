"""A service's processes under supervisord: started, restarted when they die, stopped as whole groups."""

from __future__ import annotations

import configparser
import contextlib
import hashlib
import os
import shlex
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from supervisor.xmlrpc import SupervisorTransport

from stack.errors import ServiceFailed

MAX_SOCKET_PATH = 90  # of the 107 bytes Unix allows: supervisord appends its pid while it makes the socket
START_S = 20.0
STOP_S = 15


@dataclass(frozen=True)
class Group:
    """What one supervisord runs: its working folder, the folder of its own files, the folder of the logs.

    The processes are found again by the working folder: see `processes.marker`.
    """

    home: Path
    run: Path
    logs: Path


@dataclass(frozen=True)
class ComponentState:
    """What supervisord knows of one process."""

    name: str
    state: str
    pid: int
    uptime_s: int
    problem: str

    @property
    def is_given_up(self) -> bool:
        """Tell whether supervisord stopped restarting it."""
        return self.state in ("FATAL", "UNKNOWN")


def start(group: Group, commands: Mapping[str, Sequence[str]], environment: Mapping[str, str]) -> None:
    """Start supervisord with these commands, detached from the calling process.

    Raises:
        ServiceFailed: it did not come up; the message has the end of its output.
    """
    for folder in (group.run, group.logs, group.home):
        folder.mkdir(parents=True, exist_ok=True)
    configuration = group.run / "supervisord.conf"
    configuration.write_text(_configuration(group, commands))
    done = subprocess.run(  # it detaches itself once it has read its configuration
        [sys.executable, "-m", "supervisor.supervisord", "--configuration", str(configuration)],
        cwd=group.home,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    deadline = time.monotonic() + START_S
    while not is_running(group):
        if done.returncode or time.monotonic() > deadline:
            raise ServiceFailed(
                f"supervisord: did not start, expected up within {START_S:.0f} s. "
                f"It printed:\n{done.stdout}{done.stderr}"
            )
        time.sleep(0.1)


def is_running(group: Group) -> bool:
    """Tell whether the group's supervisord answers."""
    return components(group) is not None


def components(group: Group) -> list[ComponentState] | None:
    """Return the state of every process, or None while no supervisord answers."""
    try:
        with _remote(group) as supervisor:
            return [_component(info) for info in supervisor.getAllProcessInfo()]
    except (OSError, xmlrpc.client.Error):
        return None


def start_given_up(group: Group) -> None:
    """Start those processes again that supervisord has stopped restarting; what kept them may be mended."""
    with _remote(group) as supervisor:
        for component in components(group) or []:
            if component.state == "FATAL":
                supervisor.startProcess(component.name, False)


def shut_down(group: Group) -> None:
    """Ask supervisord to stop its processes and itself, and wait until it has."""
    try:
        with _remote(group) as supervisor:
            process = psutil.Process(supervisor.getPID())
            supervisor.shutdown()
        process.wait(timeout=STOP_S + 10)
    except (OSError, xmlrpc.client.Error, psutil.Error):
        return  # it does not run, or does not end: `processes.stop` sees to what is left


def log_path(group: Group, name: str) -> Path:
    """Return the file that a component's output goes to."""
    return group.logs / f"{name}.log"


def _configuration(group: Group, commands: Mapping[str, Sequence[str]]) -> str:
    parser = configparser.RawConfigParser()
    parser["unix_http_server"] = {"file": str(_socket(group)), "chmod": "0700"}
    parser["supervisord"] = {
        "pidfile": str(group.run / "supervisord.pid"),
        "logfile": str(group.run / "supervisord.log"),
        "logfile_maxbytes": "5MB",
        "logfile_backups": "1",
        "loglevel": "info",
    }
    if os.getuid() == 0:
        parser["supervisord"]["user"] = "root"  # otherwise it warns
    parser["rpcinterface:supervisor"] = {
        "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
    }
    for name, command in commands.items():
        parser[f"program:{name}"] = {
            "command": shlex.join(command),
            "autorestart": "true",
            "startsecs": "5",
            "startretries": "2",
            "stopasgroup": "true",
            "killasgroup": "true",
            "stopwaitsecs": str(STOP_S),
            "redirect_stderr": "true",
            "stdout_logfile": str(log_path(group, name)),
            "stdout_logfile_maxbytes": "20MB",
            "stdout_logfile_backups": "2",
        }
    for section in parser.sections():
        for option, value in parser[section].items():
            parser[section][option] = value.replace("%", "%%")  # supervisord expands %(…)s
    with tempfile.TemporaryFile("w+") as text:
        parser.write(text)
        text.seek(0)
        return text.read()


def _socket(group: Group) -> Path:
    path = group.run / "supervisor.sock"
    if len(str(path)) <= MAX_SOCKET_PATH:
        return path
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"histoflow-{digest}.sock"


@contextlib.contextmanager
def _remote(group: Group) -> Iterator[Any]:
    transport = SupervisorTransport(None, None, f"unix://{_socket(group)}")
    with xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport) as server:
        yield server.supervisor


def _component(info: Mapping[str, Any]) -> ComponentState:
    is_up = info["statename"] in ("RUNNING", "STARTING")
    return ComponentState(
        name=info["name"],
        state=info["statename"],
        pid=info["pid"],
        uptime_s=max(0, info["now"] - info["start"]) if is_up else 0,
        problem=info["spawnerr"],
    )
