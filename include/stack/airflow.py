"""Airflow's configuration for one machine, as environment variables of its components."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from stack import inherited, keys, paths
from stack.environments import interpreter
from stack.settings import StackSettings

KAGGLE_CONNECTION = "AIRFLOW_CONN_KAGGLE_DEFAULT"
PASSING = ("AIRFLOW__", "OTEL_")

# On one machine nobody watches for minutes whether a new model does well, and a training that takes longer
# than a budget would allow costs nothing; the shell's own settings win.
EMBEDDED = {"HISTOFLOW_ROLLOUT_WAIT_S": "5", "HISTOFLOW_TRAINING_MAX_RUNTIME_S": "86400"}

COMPONENTS = {
    "api-server": "api-server --host 127.0.0.1 --port {port} --workers 1",
    "scheduler": "scheduler --skip-serve-logs",
    "dag-processor": "dag-processor",
    "triggerer": "triggerer --skip-serve-logs",
}


def component_commands(settings: StackSettings) -> dict[str, list[str]]:
    """Return the command line of each Airflow component, by its name."""
    python = str(interpreter("airflow", settings.envs))
    return {
        name: [python, "-m", "airflow", *command.format(port=settings.airflow_port).split()]
        for name, command in COMPONENTS.items()
    }


def airflow_environment(settings: StackSettings, aws: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of Airflow's components.

    Args:
        settings: of the stack.
        aws: the variables that point AWS clients somewhere; empty means Amazon, found as boto3 does.
    """
    return {
        **(EMBEDDED if settings.aws == "embedded" else {}),
        **inherited.variables(settings, names=(KAGGLE_CONNECTION,), prefixes=PASSING),
        **inherited.settled(settings),
        **aws,
        **_configuration(settings),
        **{name: value for name, value in os.environ.items() if name.startswith("AIRFLOW__")},
        "AIRFLOW_HOME": str(settings.airflow_home),
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(
            {"conn_type": "aws", "extra": {"region_name": settings.region}}
        ),
        # Airflow looks for connection types among packages, before it knows of its plugins folder.
        "PYTHONPATH": os.pathsep.join((str(paths.INCLUDE), str(settings.plugins_folder))),
        "PYTHONUNBUFFERED": "1",
        "SCARF_ANALYTICS": "false",
        "DO_NOT_TRACK": "1",
        "SPT_NOENV": "1",  # setproctitle must not write over the variables that `processes` finds us by
    }


def _configuration(settings: StackSettings) -> dict[str, str]:
    """Return Airflow's options as `AIRFLOW__SECTION__OPTION` variables."""
    secret = keys.airflow_keys(settings.airflow_home)
    options: dict[str, dict[str, object]] = {
        "core": {
            "executor": "LocalExecutor",
            "parallelism": settings.parallelism,
            "max_active_tasks_per_dag": settings.parallelism,
            "dags_folder": settings.dags_folder,
            "plugins_folder": settings.plugins_folder,
            "load_examples": False,
            "dags_are_paused_at_creation": False,
            "fernet_key": secret["fernet_key"],
            "hostname_callable": "socket.gethostname",
            "execution_api_server_url": f"{settings.airflow_url}/execution/",
            "min_serialized_dag_update_interval": 5,
            "auth_manager": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
            "simple_auth_manager_users": f"{keys.ADMIN}:admin",
            "simple_auth_manager_passwords_file": keys.passwords_file(settings.airflow_home),
        },
        "database": {"sql_alchemy_conn": settings.sql_alchemy_url},
        "api": {
            "host": "127.0.0.1",
            "port": settings.airflow_port,
            "base_url": settings.airflow_url,
            "workers": 1,
            "secret_key": secret["api_secret_key"],
            "instance_name": "Histoflow",
        },
        "api_auth": {"jwt_secret": secret["jwt_secret"]},
        "logging": {
            "base_log_folder": settings.logs / "tasks",
            "dag_processor_child_process_log_directory": settings.logs / "dag-processor",
            "colored_console_log": False,
        },
        "dag_processor": {
            "refresh_interval": 10,
            "min_file_process_interval": 30,
            "parsing_processes": 1,
            "print_stats_interval": 300,
        },
        # For so many seconds a task's supervisor may sleep after the task has ended. When a deferred task's
        # job ends sooner, the scheduler takes the late report for a crash and uses up one of its retries.
        "workers": {"min_heartbeat_interval": 1},
        # A killed task or component is noticed within a minute instead of five.
        "scheduler": {
            "task_instance_heartbeat_sec": 5,
            "task_instance_heartbeat_timeout": 60,
            "task_instance_heartbeat_timeout_detection_interval": 10,
            "orphaned_tasks_check_interval": 30,
            "catchup_by_default": False,
        },
        "usage_data_collection": {"enabled": False},
    }
    return {
        f"AIRFLOW__{section.upper()}__{option.upper()}": str(value)
        for section, entries in options.items()
        for option, value in entries.items()
    }
