"""Shows what runs, its addresses, and Airflow's latest runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from embedded_aws.supervision import supervisord
from embedded_aws.supervision.supervisord import ComponentState
from stack import aws, keys, prediction_api, services
from stack.airflow import COMPONENTS
from stack.console import say, say_as_is, shown, table
from stack.errors import ServiceFailed
from stack.settings import StackSettings


def show(settings: StackSettings) -> None:
    """Print the state of all services and Airflow's newest runs."""
    _show_airflow(settings)
    say()
    _show_api(settings)
    say()
    if settings.aws == "amazon":
        say(f"AWS       Amazon, region {settings.region}")
        return
    say(f"AWS       http://127.0.0.1:{settings.aws_port}, S3 http://127.0.0.1:{settings.s3_port}")
    for line in aws.status(settings).rstrip().splitlines():
        say_as_is(f"  {line}".rstrip())


def log_files(settings: StackSettings) -> list[Path]:
    """Return the log files of all processes of all services."""
    own = [supervisord.log_path(settings.airflow_group, name) for name in COMPONENTS]
    own.append(supervisord.log_path(settings.api_group, prediction_api.NAME))
    return [path for path in own if path.is_file()] + aws.log_files(settings)


def _show_airflow(settings: StackSettings) -> None:
    components = supervisord.components(settings.airflow_group)
    if components is None:
        say("Airflow   stopped: `make up` starts it")
        return
    say(f"Airflow   {settings.airflow_url}")
    say(
        f"          user {keys.ADMIN}, password in {shown(keys.passwords_file(settings.airflow_home))}",
        hang=10,
    )
    _show_processes(components)
    try:
        with services.api(settings) as client:
            runs = [] if client.unhealthy_parts() else client.runs(limit=8)
    except ServiceFailed as error:
        say(f"  {error}")
        return
    if runs:
        say("\nLatest runs")
        table(["DAG", "partition", "state", "started", "took>"], [_run_row(run) for run in runs])


def _show_api(settings: StackSettings) -> None:
    components = supervisord.components(settings.api_group)
    if components is None:
        say("REST API  stopped: `make up` starts it")
        return
    say(f"REST API  {settings.api_url}, key in {shown(prediction_api.key_file(settings))}", hang=10)
    _show_processes(components)
    say(f"  {prediction_api.readiness(settings)}")


def _show_processes(components: Sequence[ComponentState]) -> None:
    table(
        ["process", "state", "pid>", "up>", ""],
        [
            [c.name, c.state.lower(), str(c.pid or ""), str(timedelta(seconds=c.uptime_s)), c.problem]
            for c in components
        ],
    )


def _run_row(run: dict[str, Any]) -> list[str]:
    started = run["start_date"] and datetime.fromisoformat(run["start_date"])
    return [
        run["dag_id"],
        run["partition_key"] or "",
        run["state"],
        f"{started:%Y-%m-%d %H:%M:%S}" if started else "",
        f"{run['duration']:.0f} s" if run["duration"] else "",
    ]
