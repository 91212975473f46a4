"""Starts and stops the services: the embedded AWS, Airflow and the REST API."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stack import aws, database, keys, prediction_api, processes, running
from stack.airflow import airflow_environment, component_commands
from stack.console import say, shown
from stack.errors import StackError
from stack.rest import AirflowApi
from stack.settings import Service, StackSettings

POOL = "histoflow_sagemaker"  # as the DAGs call it


def chosen(settings: StackSettings, names: Sequence[Service]) -> list[Service]:
    """Return the named services; by default all that run on this machine."""
    if settings.aws == "amazon":
        if "aws" in names:
            message = "SERVICES: aws, expected airflow or api: with HISTOFLOW_AWS=amazon there is no other."
            raise StackError(message)
        return list(names) or ["airflow", "api"]
    return list(names) or ["aws", "airflow", "api"]


def up(settings: StackSettings, names: Sequence[Service] = ()) -> None:
    """Start the services that do not run, wait until they answer, and say where they are.

    Raises:
        StackError: a port is taken, or a service does not start.
    """
    services = chosen(settings, names)
    with _one_at_a_time(settings), ThreadPoolExecutor(1) as background:
        others = background.submit(_aws_and_api_up, settings, services)
        if "airflow" in services:
            _airflow_up(settings)
        others.result()


def down(settings: StackSettings, names: Sequence[Service] = ()) -> None:
    """Stop the services and whatever they left; their state stays.

    With AWS at Amazon too: an embedded one may have been started before.
    """
    services = list(names) or ["aws", "airflow", "api"]
    with _one_at_a_time(settings):
        if "api" in services:
            prediction_api.down(settings)
        if "airflow" in services:
            running.stop(settings.airflow_group)
            say("airflow: stopped")
        if "aws" in services:
            aws.down(settings)
            say("embedded AWS: stopped")


def api(settings: StackSettings) -> AirflowApi:
    """Return a client of this stack's Airflow."""
    return AirflowApi(settings.airflow_url, keys.ADMIN, keys.admin_password(settings.airflow_home))


def _aws_and_api_up(settings: StackSettings, services: Sequence[Service]) -> None:
    """Start the embedded AWS, then the REST API that calls it, as far as they are chosen."""
    if "aws" in services:
        _aws_up(settings)
    if "api" in services:
        prediction_api.up(settings)


def _aws_up(settings: StackSettings) -> None:
    started = time.monotonic()
    aws.up(settings)
    say(
        f"embedded AWS: up ({time.monotonic() - started:.0f} s) at http://127.0.0.1:{settings.aws_port}, "
        f"S3 at http://127.0.0.1:{settings.s3_port}"
    )


def _airflow_up(settings: StackSettings) -> None:
    """Start Airflow unless it runs with the same settings; the AWS it calls may still be starting."""
    group = settings.airflow_group
    variables = aws.client_environment(settings) if settings.aws == "embedded" else {}
    environment = {**airflow_environment(settings, variables), **processes.marker(group.home)}
    processes.require_port(settings.airflow_port, "Airflow", "HISTOFLOW_AIRFLOW_PORT", own_home=group.home)

    def prepare() -> None:
        _announce_password(settings)
        database.migrate_once(settings, environment)

    running.keep("airflow", group, component_commands(settings), environment, prepare)
    with api(settings) as client:
        took_s = running.wait_until_healthy(
            "airflow",
            group,
            lambda: [part.replace("_", "-") for part in client.unhealthy_parts()],
            settings.start_timeout_s,
        )
        client.ensure_pool(POOL, settings.sagemaker_slots, "SageMaker jobs at once, whoever waits for them")
    say(f"airflow: up ({took_s:.0f} s) at {settings.airflow_url}")


def _announce_password(settings: StackSettings) -> None:
    """Make the admin's password at the first start, and print it once."""
    kept = keys.passwords_file(settings.airflow_home)
    if not kept.exists():
        password = keys.admin_password(settings.airflow_home)
        say(f"airflow: user {keys.ADMIN}, password {password} (shown once, kept in {shown(kept)})")


@contextlib.contextmanager
def _one_at_a_time(settings: StackSettings) -> Iterator[None]:
    """Hold the stack's file lock; it is released when the process ends, however it ends."""
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
        say(f"stack: waiting for another command that starts or stops it (lock {shown(path)})")
        fcntl.flock(handle, fcntl.LOCK_EX)
