"""Starts and stops the REST API: one process, in its own environment."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import httpx

from stack import aws, inherited, paths, processes, running
from stack.console import say, shown
from stack.environments import interpreter
from stack.errors import ServiceFailed
from stack.settings import StackSettings

NAME = "api"
TENANT = "local"


def up(settings: StackSettings) -> None:
    """Start the REST API unless it runs with the same settings, and wait until it answers.

    Raises:
        PortTaken: somebody else listens on its port.
        ServiceFailed: it does not start.
    """
    group = settings.api_group
    processes.require_port(settings.api_port, "the REST API", "HISTOFLOW_API_PORT", own_home=group.home)
    environment = _environment(settings)
    running.keep(
        NAME,
        group,
        {NAME: [_python(settings), "-m", "idc.serving"]},
        environment,
        lambda: _make_key(settings, environment),
    )
    with httpx.Client(base_url=settings.api_url, timeout=5, trust_env=False) as client:
        took_s = running.wait_until_healthy(NAME, group, lambda: _unhealthy(client), settings.start_timeout_s)
    say(f"{NAME}: up ({took_s:.0f} s) at {settings.api_url}")


def down(settings: StackSettings) -> None:
    """Stop the REST API; its keys and jobs stay."""
    running.stop(settings.api_group)
    say(f"{NAME}: stopped")


def key_file(settings: StackSettings) -> Path:
    """Return the file of the first API key, which only its owner can read."""
    return settings.api_home / "key"


def readiness(settings: StackSettings) -> str:
    """Return in one line whether the API has a model, or why not."""
    try:
        said = httpx.get(f"{settings.api_url}/readyz", timeout=10, trust_env=False).json()
    except (httpx.HTTPError, ValueError) as error:
        return f"not answering: {error!r}"
    return f"ready, {', '.join(said['versions'])}" if said["ready"] else f"not ready: {said['detail']}"


def _make_key(settings: StackSettings, environment: Mapping[str, str]) -> None:
    """Make a key at the first start; print where it is kept, never the key."""
    kept = key_file(settings)
    if kept.exists():
        return
    command = [_python(settings), "-m", "idc.serving.keys", "create", TENANT, "--file", str(kept)]
    done = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False)
    if done.returncode:
        raise ServiceFailed(f"{NAME} key: not made, expected one at the first start. {done.stderr.strip()}")
    say(f"{NAME}: key for {TENANT} made, kept in {shown(kept)}")


def _environment(settings: StackSettings) -> dict[str, str]:
    """Return the whole environment of the process; on Amazon it has the caller's credentials."""
    return {
        **inherited.variables(settings),
        **inherited.settled(settings),
        **(aws.client_environment(settings) if settings.aws == "embedded" else {}),
        **processes.marker(settings.api_home),
        "HISTOFLOW_API_PORT": str(settings.api_port),
        "HISTOFLOW_REGION": settings.region,
        "PYTHONPATH": str(paths.INCLUDE),
        "PYTHONUNBUFFERED": "1",
    }


def _python(settings: StackSettings) -> str:
    return str(interpreter("serving", settings.envs))


def _unhealthy(client: httpx.Client) -> list[str]:
    try:
        return [] if client.get("/healthz").is_success else [NAME]
    except httpx.HTTPError:
        return [NAME]
