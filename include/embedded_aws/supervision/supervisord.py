"""Groups of processes under supervisord: started, restarted when they die, stopped as whole groups."""

from __future__ import annotations

import configparser
import contextlib
import hashlib
import os
import shlex
import subprocess
import sys
import tempfile
import threading
import time
import xmlrpc.client
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from supervisor.xmlrpc import SupervisorTransport

from embedded_aws.errors import NotStarted

MAX_SOCKET_PATH = 90  # of the 107 bytes Unix allows: supervisord appends its pid while it makes the socket
START_S = 20.0


@dataclass(frozen=True)
class Group:
    """What one supervisord runs: its working folder, the folder of its own files, the folder of the logs.

    A process that ends within `start_s` seconds is started again `retries` times at most. On a stop, it has
    `stop_s` seconds before its process group is killed.
    """

    home: Path
    run: Path
    logs: Path
    start_s: int = 5
    retries: int = 2
    stop_s: int = 15


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


def start(
    group: Group,
    commands: Mapping[str, Sequence[str]],
    environment: Mapping[str, str],
    own: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """Start supervisord with these commands, detached from the calling process.

    Args:
        group: where it works.
        commands: by the name of each process.
        environment: the whole environment of all of them.
        own: further variables of single processes, by their name.

    Raises:
        NotStarted: it did not come up; the message has the end of its output.
    """
    for folder in (group.run, group.logs, group.home):
        folder.mkdir(parents=True, exist_ok=True)
    configuration = group.run / "supervisord.conf"
    configuration.write_text(_configuration(group, commands, own or {}))
    done = subprocess.run(  # it detaches itself once it has read its configuration
        [sys.executable, "-m", "supervisor.supervisord", "--configuration", str(configuration)],
        cwd=group.home,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    deadline, pause = time.monotonic() + START_S, threading.Event()
    while not is_running(group):
        if done.returncode or time.monotonic() > deadline:
            raise NotStarted(
                f"supervisord: did not start, expected up within {START_S:.0f} s. "
                f"It printed:\n{done.stdout}{done.stderr}"
            )
        pause.wait(0.1)


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
    """Start the processes again that supervisord has given up; their cause may be mended by now."""
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
        process.wait(timeout=group.stop_s + 10)
    except (OSError, xmlrpc.client.Error, psutil.Error):
        return  # it does not run, or does not end: the caller ends what is left


def log_path(group: Group, name: str) -> Path:
    """Return the file that a component's output goes to."""
    return group.logs / f"{name}.log"


def _configuration(
    group: Group, commands: Mapping[str, Sequence[str]], own: Mapping[str, Mapping[str, str]]
) -> str:
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
            "environment": ",".join(f'{key}="{value}"' for key, value in own.get(name, {}).items()),
            "autorestart": "true",
            "startsecs": str(group.start_s),
            "startretries": str(group.retries),
            "stopasgroup": "true",
            "killasgroup": "true",
            "stopwaitsecs": str(group.stop_s),
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
    return Path(tempfile.gettempdir()) / f"supervisor-{digest}.sock"


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
