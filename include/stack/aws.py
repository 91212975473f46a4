"""Runs the embedded AWS by its command line, in its own environment."""

from __future__ import annotations

import os
import shlex
import subprocess
from functools import cache
from pathlib import Path

from stack import paths, processes, runtimes
from stack.environments import interpreter
from stack.errors import ServiceFailed
from stack.settings import StackSettings

ACCOUNT = "123456789012"


def up(settings: StackSettings) -> None:
    """Start the embedded AWS unless it runs.

    Raises:
        PortTaken: somebody else listens on one of its two public ports.
        ServiceFailed: it says why it does not start.
    """
    for port, purpose, variable in (
        (settings.aws_port, "the embedded AWS", "HISTOFLOW_AWS_PORT"),
        (settings.s3_port, "the embedded AWS's S3", "HISTOFLOW_S3_PORT"),
    ):
        processes.require_port(port, purpose, variable, own_home=settings.aws_home)
    table = ("--runtimes", str(_write_runtimes(settings)))
    _call(settings, "up", *table, "--bucket", settings.bucket, "--role", settings.role)


def down(settings: StackSettings) -> None:
    """Stop the embedded AWS with all its jobs and endpoints; its state stays."""
    if settings.aws_home.exists():
        _call(settings, "down")


def status(settings: StackSettings) -> str:
    """Return the state of the embedded AWS's parts and endpoints."""
    if not settings.aws_home.exists():
        return "never started: `make up` starts it"
    return _run(settings, "status").stdout + "\n" + _run(settings, "endpoints").stdout


@cache
def client_environment(settings: StackSettings) -> dict[str, str]:
    """Return the variables that point any AWS client at the embedded AWS, and our jobs at its role."""
    exported = _call(settings, "env").splitlines()
    words = [word for line in exported for word in shlex.split(line)]
    variables = dict(word.split("=", 1) for word in words if "=" in word)
    return {
        **variables,
        "HISTOFLOW_BUCKET": settings.bucket,
        "HISTOFLOW_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/{settings.role}",
    }


def log_files(settings: StackSettings) -> list[Path]:
    """Return the logs of the embedded AWS's own processes."""
    return sorted((settings.aws_home / "log").glob("*.log"))


def _write_runtimes(settings: StackSettings) -> Path:
    settings.run.mkdir(parents=True, exist_ok=True)
    path = settings.run / "runtimes.toml"
    weights = settings.pretrained_weights
    path.write_text(runtimes.table(lambda name: str(interpreter(name, settings.envs)), weights=weights))
    return path


def _call(settings: StackSettings, command: str, *flags: str) -> str:
    """Run a command of the embedded AWS and return what it printed.

    Raises:
        ServiceFailed: with what it printed to standard error.
    """
    done = _run(settings, command, *flags)
    if done.returncode:
        raise ServiceFailed(f"embedded AWS {command}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def _run(settings: StackSettings, command: str, *flags: str) -> subprocess.CompletedProcess[str]:
    python = str(interpreter("embedded-aws", settings.envs))
    ports = ("--port", str(settings.aws_port), "--s3-port", str(settings.s3_port))
    return subprocess.run(
        [python, "-m", "embedded_aws", "--home", str(settings.aws_home), command, *ports, *flags],
        env=_environment(settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def _environment(settings: StackSettings) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "AIRFLOW"))}
    return {**kept, "PYTHONPATH": str(paths.INCLUDE), "EMBEDDED_AWS_REGION": settings.region}
