"""Airflow's components under supervisord: started, restarted when they die, stopped as whole groups."""

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
from stack.settings import StackSettings

MAX_SOCKET_PATH = 90  # of the 107 bytes Unix allows: supervisord appends its pid while it makes the socket
START_S = 20.0
STOP_S = 15


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
    settings: StackSettings, commands: Mapping[str, Sequence[str]], environment: Mapping[str, str]
) -> None:
    """Start supervisord with these commands, detached from the calling process.

    Raises:
        ServiceFailed: it did not come up; the message has the end of its output.
    """
    for folder in (settings.run, settings.logs, settings.airflow_home):
        folder.mkdir(parents=True, exist_ok=True)
    configuration = settings.run / "supervisord.conf"
    configuration.write_text(_configuration(settings, commands))
    done = subprocess.run(  # it detaches itself once it has read its configuration
        [sys.executable, "-m", "supervisor.supervisord", "--configuration", str(configuration)],
        cwd=settings.airflow_home,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    deadline = time.monotonic() + START_S
    while not is_running(settings):
        if done.returncode or time.monotonic() > deadline:
            raise ServiceFailed(
                f"supervisord: did not start, expected up within {START_S:.0f} s. "
                f"It printed:\n{done.stdout}{done.stderr}"
            )
        time.sleep(0.1)


def is_running(settings: StackSettings) -> bool:
    """Tell whether this stack's supervisord answers."""
    return components(settings) is not None


def components(settings: StackSettings) -> list[ComponentState] | None:
    """Return the state of every process, or None while no supervisord answers."""
    try:
        with _remote(settings) as supervisor:
            return [_component(info) for info in supervisor.getAllProcessInfo()]
    except (OSError, xmlrpc.client.Error):
        return None


def shut_down(settings: StackSettings) -> None:
    """Ask supervisord to stop its processes and itself, and wait until it has."""
    try:
        with _remote(settings) as supervisor:
            process = psutil.Process(supervisor.getPID())
            supervisor.shutdown()
        process.wait(timeout=STOP_S + 10)
    except (OSError, xmlrpc.client.Error, psutil.Error):
        return  # it does not run, or does not end: `processes.stop` sees to what is left


def log_path(settings: StackSettings, name: str) -> Path:
    """Return the file that a component's output goes to."""
    return settings.logs / f"{name}.log"


def _configuration(settings: StackSettings, commands: Mapping[str, Sequence[str]]) -> str:
    parser = configparser.RawConfigParser()
    parser["unix_http_server"] = {"file": str(_socket(settings)), "chmod": "0700"}
    parser["supervisord"] = {
        "pidfile": str(settings.run / "supervisord.pid"),
        "logfile": str(log_path(settings, "supervisord")),
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
            "stdout_logfile": str(log_path(settings, name)),
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


def _socket(settings: StackSettings) -> Path:
    path = settings.run / "supervisor.sock"
    if len(str(path)) <= MAX_SOCKET_PATH:
        return path
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"histoflow-{digest}.sock"


@contextlib.contextmanager
def _remote(settings: StackSettings) -> Iterator[Any]:
    transport = SupervisorTransport(None, None, f"unix://{_socket(settings)}")
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
