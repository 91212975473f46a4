"""Containers without Docker: a directory mounted at /opt/ml, an environment, a watched process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from embedded_aws.containers.runtimes import PROGRAMS, Runtime
from embedded_aws.settings import Settings
from embedded_aws.supervision import processes
from embedded_aws.wire.credentials import load_or_create

ML = "/opt/ml"
ISOLATIONS = ("root", "user", "none")
PROBE_TIMEOUT_S = 20
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)


@dataclass(frozen=True)
class Specification:
    """One container: what to run, with which environment, where, and under which host name."""

    argv: list[str]
    environment: dict[str, str]
    ml: Path
    directory: str = ML
    hostname: str = "algo-1"
    host_names: tuple[str, ...] = ("algo-1",)


@dataclass(frozen=True)
class Usage:
    """What a container uses just now."""

    memory_bytes: int
    processes: int


class Container:
    """A started container; its output, both streams in one, is read from `output`."""

    def __init__(self, specification: Specification, isolation: str) -> None:
        message = _message(specification, isolation)
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(PROGRAMS / "container_init.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=specification.environment,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.output = self._process.stdout
        try:
            self._process.stdin.write(message)
            self._process.stdin.close()
        except BrokenPipeError:
            pass  # it ended at once; its exit code tells

    @property
    def exit_code(self) -> int | None:
        """The program's exit code, None while it runs; 128 and the signal's number if one ended it."""
        code = self._process.poll()
        return 128 - code if code is not None and code < 0 else code

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Wait for the end; the exit code, None if the time passed first."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None
        return self.exit_code

    def terminate(self) -> None:
        """Ask the program to end."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End every process of the container at once."""
        if self._process.poll() is not None:
            return
        below = self._below()
        self._process.kill()
        processes.kill(below)

    def close(self) -> None:
        """End the container, if it has not ended, and close its output."""
        self.kill()
        self._process.wait()
        self.output.close()

    def usage(self) -> Usage:
        """The memory and the number of all its processes."""
        memory, count = 0, 0
        for process in self._below():
            try:
                memory += process.memory_info().rss
                count += 1
            except psutil.Error:
                continue  # it ended while we looked
        return Usage(memory, count)

    def _below(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self._process.pid).children(recursive=True)
        except psutil.Error:
            return []


def probe_isolation(settings: Settings, directory: Path) -> str:
    """The strongest isolation that works on this machine, unless the settings ask for none."""
    if settings.isolation == "none":
        return "none"
    ml = directory / "probe" / "ml"
    ml.mkdir(parents=True, exist_ok=True)
    candidates = ISOLATIONS if os.getuid() == 0 else ISOLATIONS[1:]
    for isolation in candidates:
        test = Specification(["/bin/sh", "-c", "test -d /opt/ml"], {"PATH": "/usr/bin:/bin"}, ml, "/")
        container = Container(test, isolation)
        code = container.wait(PROBE_TIMEOUT_S)
        container.close()
        if code == 0:
            return isolation
    return "none"


def base_environment(
    settings: Settings, runtime: Runtime, home: Path, threads: int, owner: str
) -> dict[str, str]:
    """What every container's environment begins with: an allow-list, and access to the local AWS.

    The credentials stand for those a job's role gives it on AWS.
    """
    credentials = load_or_create(settings.home)
    for directory in (home, home / "tmp"):
        directory.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": runtime.path,
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_ENDPOINT_URL": settings.endpoint_url,
        "AWS_ENDPOINT_URL_S3": settings.s3_endpoint_url,
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_DEFAULT_REGION": settings.region,
        "AWS_REGION": settings.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        **{name: str(threads) for name in THREAD_VARIABLES},
        **runtime.environment,
        **processes.marks(settings.home, "container", owner),
    }


@dataclass(frozen=True)
class Workspace:
    """The directory a container sees at /opt/ml, and how isolated it is."""

    ml: Path
    isolation: str

    def directory(self, name: str) -> Path:
        """A directory below /opt/ml, made if absent."""
        path = self.ml / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def write_config(self, name: str, content: object) -> None:
        """Write one of the files of /opt/ml/input/config or /opt/ml/config."""
        path = self.ml / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(substituted(content, self.ml) if self.isolation == "none" else content))

    def read_text(self, name: str, limit_bytes: int) -> str:
        """The beginning of a file the container may have written, empty if it did not."""
        try:
            fd = os.open(self.ml / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return ""
        try:
            return os.read(fd, limit_bytes).decode("utf-8", "replace")
        except OSError:
            return ""  # it is no regular file
        finally:
            os.close(fd)


def _message(specification: Specification, isolation: str) -> bytes:
    """The specification as `container_init` reads it; without isolation /opt/ml is spelled out."""
    values: dict[str, Any] = {
        "argv": specification.argv,
        "environment": specification.environment,
        "directory": specification.directory,
        "hostname": specification.hostname,
        "host_names": list(specification.host_names),
    }
    if isolation == "none":
        values = substituted(values, specification.ml)
    return json.dumps(
        {**values, "ml": str(specification.ml), "parent": os.getpid(), "isolation": isolation}
    ).encode()


def substituted(value: Any, ml: Path) -> Any:
    """The value with /opt/ml in every text of it replaced by the directory that stands for it."""
    if isinstance(value, str):
        return value.replace(ML, str(ml))
    if isinstance(value, (list, tuple)):
        return [substituted(inner, ml) for inner in value]
    if isinstance(value, dict):
        return {name: substituted(inner, ml) for name, inner in value.items()}
    return value
