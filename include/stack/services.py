"""Starts, stops and shows the two services: the embedded AWS and Airflow."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stack import aws, database, keys, processes, supervision
from stack.airflow import INHERITED, airflow_environment, component_commands
from stack.console import say
from stack.errors import ServiceFailed, StackError
from stack.rest import AirflowApi
from stack.settings import Service, StackSettings

HEARTBEAT_S = 10.0
POOL = "histoflow_sagemaker"  # as the DAGs call it


def chosen(settings: StackSettings, names: Sequence[Service]) -> list[Service]:
    """Return the services meant by the names given: by default all that are ours to run."""
    if settings.aws == "amazon":
        if "aws" in names:
            raise StackError("SERVICES: aws, expected airflow: with HISTOFLOW_AWS=amazon there is no other.")
        return ["airflow"]
    return list(names) or ["aws", "airflow"]


def up(settings: StackSettings, names: Sequence[Service] = ()) -> None:
    """Start the services that do not run, wait until they answer, and say where they are.

    Raises:
        StackError: a port is taken, or a service does not start.
    """
    services = chosen(settings, names)
    with _one_at_a_time(settings), ThreadPoolExecutor(1) as background:
        starting = background.submit(_aws_up, settings) if "aws" in services else None
        if "airflow" in services:
            _airflow_up(settings)
        if starting:
            starting.result()


def down(settings: StackSettings, names: Sequence[Service] = ()) -> None:
    """Stop the services and whatever they left; their state stays."""
    services = chosen(settings, names)
    with _one_at_a_time(settings):
        if "airflow" in services:
            _airflow_down(settings)
        if "aws" in services:
            aws.down(settings)
            say("embedded AWS: stopped")


def api(settings: StackSettings) -> AirflowApi:
    """Return a client of this stack's Airflow."""
    return AirflowApi(settings.airflow_url, keys.ADMIN, keys.admin_password(settings.airflow_home))


def _aws_up(settings: StackSettings) -> None:
    started = time.monotonic()
    aws.up(settings)
    say(
        f"embedded AWS: up ({time.monotonic() - started:.0f} s) at http://127.0.0.1:{settings.aws_port}, "
        f"S3 at http://127.0.0.1:{settings.s3_port}"
    )


def _airflow_up(settings: StackSettings) -> None:
    """Start Airflow unless it runs with these very settings; the AWS it will call may still be starting."""
    variables = aws.client_environment(settings) if settings.aws == "embedded" else {}
    environment = {**airflow_environment(settings, variables), **processes.marker(settings.airflow_home)}
    commands = component_commands(settings)
    stamp, digest = settings.run / "airflow.sha256", _digest(commands, environment)
    processes.require_port(
        settings.airflow_port, "Airflow", "HISTOFLOW_AIRFLOW_PORT", own_home=settings.airflow_home
    )
    if supervision.is_running(settings) and not (stamp.is_file() and stamp.read_text() == digest):
        say("airflow: its settings have changed, starting it anew")
        _airflow_down(settings)
    if not supervision.is_running(settings):
        if strays := processes.stop(settings.airflow_home):
            say(f"airflow: ended {len(strays)} processes that an earlier start left behind")
        _announce_password(settings)
        database.migrate_once(settings, environment)
        supervision.start(settings, commands, environment)
        stamp.write_text(digest)
    _wait_until_healthy(settings)
    with api(settings) as client:
        client.ensure_pool(POOL, settings.sagemaker_slots, "SageMaker jobs at once, whoever waits for them")


def _airflow_down(settings: StackSettings) -> None:
    supervision.shut_down(settings)
    processes.stop(settings.airflow_home)
    say("airflow: stopped")


def _wait_until_healthy(settings: StackSettings) -> None:
    """Wait until every part of Airflow reports health, saying now and then what is awaited.

    Raises:
        ServiceFailed: a component keeps dying, or the time is over; with the end of its log.
    """
    started = said = time.monotonic()
    with api(settings) as client:
        while unhealthy := client.unhealthy_parts():
            now = time.monotonic()
            given_up = [c.name for c in supervision.components(settings) or [] if c.is_given_up]
            if given_up or now - started > settings.start_timeout_s:
                name = given_up[0] if given_up else unhealthy[0].replace("_", "-")
                raise ServiceFailed(_post_mortem(settings, name, now - started))
            if now - said > HEARTBEAT_S:
                said = now
                say(f"airflow: waiting for {', '.join(unhealthy)} ({now - started:.0f} s)")
            time.sleep(0.3)
    say(f"airflow: up ({time.monotonic() - started:.0f} s) at {settings.airflow_url}")


def _post_mortem(settings: StackSettings, name: str, waited_s: float) -> str:
    path = supervision.log_path(settings, name)
    lines = path.read_text(errors="replace").splitlines()[-20:] if path.is_file() else []
    return (
        f"airflow {name}: not healthy after {waited_s:.0f} s, expected within {settings.start_timeout_s} s. "
        f"The end of {path}:\n" + "\n".join(lines)
    )


def _announce_password(settings: StackSettings) -> None:
    """Make the admin's password at the first start, and print it this once."""
    kept = keys.passwords_file(settings.airflow_home)
    if not kept.exists():
        password = keys.admin_password(settings.airflow_home)
        say(f"airflow: user {keys.ADMIN}, password {password} (generated, shown once, kept in {kept})")


def _digest(commands: Mapping[str, Sequence[str]], environment: Mapping[str, str]) -> str:
    """Return a digest of everything the components were started with, but for the calling shell's."""
    compared = {name: value for name, value in environment.items() if name not in INHERITED}
    return hashlib.sha256(json.dumps([commands, compared], sort_keys=True).encode()).hexdigest()


@contextlib.contextmanager
def _one_at_a_time(settings: StackSettings) -> Iterator[None]:
    """Hold the stack alone; the lock goes with the process, however it ends."""
    settings.run.mkdir(parents=True, exist_ok=True)
    path = settings.run / "stack.lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(handle, path)
        yield
    finally:
        os.close(handle)


def _acquire(handle: int, path: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say(f"stack: another command is starting or stopping it ({path}), waiting")
        fcntl.flock(handle, fcntl.LOCK_EX)
