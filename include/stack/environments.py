"""Builds the Python environments from the hashed locks in `requirements/`.

Run as `python -m stack.environments NAME…` by the interpreter of the bootstrap environment, which
holds nothing but `uv`; so this module imports only the standard library. An environment carries the
digest of the lock it was made from: while the two agree, there is nothing to do.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from stack import paths
from stack.errors import EnvironmentBuildError

NAMES = (
    "airflow",
    "airflow-cluster",
    "mxnet",
    "tensorflow",
    "embedded-aws",
    "serving",
    "docs",
    "dev",
    "sagemaker-sdk",
    "sagemaker-sdk3",
    "awscli",
)
PYTHON_VERSION = (3, 11)
HEARTBEAT_S = 10.0

# Shared libraries that wheels load but do not carry.
SHARED_LIBRARIES = {"mxnet": ("libgomp.so.1", "libquadmath.so.0")}


def interpreter(name: str, envs: Path | None = None) -> Path:
    """Return the Python of an environment, built or not."""
    return (envs or paths.environments()) / name / "bin" / "python"


def build(
    names: Sequence[str], envs: Path, requirements: Path = paths.REQUIREMENTS, uv: Path | None = None
) -> list[str]:
    """Build or update the environments that differ from their locks; return the names of those.

    Args:
        names: of the environments.
        envs: the folder they are in.
        requirements: the folder of their locks.
        uv: the program that installs; by default the one beside this interpreter.

    Raises:
        EnvironmentBuildError: names the environment and what is missing for it.
    """
    if not (stale := [name for name in names if not is_current(name, envs, requirements)]):
        return []
    _check_python()
    with _lock(envs):
        stale = [name for name in stale if not is_current(name, envs, requirements)]
        for name in stale:
            _check_libraries(name)
        for name in stale:
            _build_one(name, envs, requirements, uv or Path(sys.executable).parent / "uv")
    return stale


def is_current(name: str, envs: Path, requirements: Path = paths.REQUIREMENTS) -> bool:
    """Tell whether an environment was made, completely, from today's lock."""
    digest, stamp = lock_digest(name, requirements), _stamp(envs / name)
    return interpreter(name, envs).exists() and stamp.is_file() and stamp.read_text().strip() == digest


def lock_digest(name: str, requirements: Path = paths.REQUIREMENTS) -> str:
    """Return the SHA-256 of an environment's lock and of the Python version it is for."""
    lock = _lock_file(name, requirements)
    version = ".".join(map(str, PYTHON_VERSION))
    return hashlib.sha256(lock.read_bytes() + f"\npython {version}\n".encode()).hexdigest()


def _lock_file(name: str, requirements: Path) -> Path:
    lock = requirements / f"{name}.txt"
    if not lock.is_file():
        known = ", ".join(sorted(path.stem for path in requirements.glob("*.txt")))
        raise EnvironmentBuildError(f"environment {name}: no lock, expected one of {known}.")
    return lock


def _stamp(environment: Path) -> Path:
    return environment / "histoflow-lock.sha256"


def _build_one(name: str, envs: Path, requirements: Path, uv: Path) -> None:
    environment = envs / name
    unfinished = environment / "histoflow-unfinished"
    started = time.monotonic()
    if unfinished.exists() or not interpreter(name, envs).exists():
        shutil.rmtree(environment, ignore_errors=True)
        _say(f"environment {name}: building from requirements/{name}.txt")
        _run(uv, envs / f"{name}.log", ["venv", "--python", sys.executable, str(environment)])
    else:
        _say(f"environment {name}: updating to requirements/{name}.txt")
    unfinished.touch()
    lock = _lock_file(name, requirements)
    python = str(interpreter(name, envs))
    _run(uv, envs / f"{name}.log", ["pip", "sync", "--python", python, "--require-hashes", str(lock)])
    _stamp(environment).write_text(lock_digest(name, requirements) + "\n")
    unfinished.unlink()
    _say(f"environment {name}: ready ({time.monotonic() - started:.0f} s)")


def _run(uv: Path, log_path: Path, arguments: list[str]) -> None:
    """Run uv with its output in a log beside the environments, and say every few seconds that it lives."""
    name, started = log_path.stem, time.monotonic()
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [str(uv), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"},
        )
        try:
            while (code := _wait(process)) is None:
                _say(f"environment {name}: still installing ({time.monotonic() - started:.0f} s)")
        finally:
            process.kill()
    if code:
        end = "\n".join(log_path.read_text(errors="replace").splitlines()[-15:])
        raise EnvironmentBuildError(
            f"environment {name}: uv ended with code {code}, expected 0. Its last lines are:\n{end}"
        )


def _wait(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(timeout=HEARTBEAT_S)
    except subprocess.TimeoutExpired:
        return None


def _check_python() -> None:
    if sys.version_info[:2] != PYTHON_VERSION:
        raise EnvironmentBuildError(
            f"Python: {platform.python_version()} at {sys.executable}, expected 3.11 (MXNet has no wheels "
            "for later ones). Install Python 3.11 and run make with PYTHON=<its path>."
        )


def _check_libraries(name: str) -> None:
    missing = [library for library in SHARED_LIBRARIES.get(name, ()) if not _can_load(library)]
    if missing:
        raise EnvironmentBuildError(
            f"environment {name}: {' and '.join(missing)} not found, expected on the system. "
            "Run `make system-packages`."
        )


def _can_load(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _lock(envs: Path) -> Iterator[None]:
    """Hold the folder of environments alone; the lock goes with the process, however it ends."""
    envs.mkdir(parents=True, exist_ok=True)
    with (envs / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("environments: another process is building them, waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the environments named on the command line."""
    parser = argparse.ArgumentParser(prog="stack.environments", description=main.__doc__)
    parser.add_argument("names", nargs="+", choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    names = parser.parse_args(arguments).names
    try:
        build(names, paths.environments())
    except EnvironmentBuildError as error:
        _say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
