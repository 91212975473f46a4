from __future__ import annotations

import json
import stat

import pytest

from stack import airflow
from stack.settings import StackSettings

EMBEDDED = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_DEFAULT_REGION": "us-east-1"}


def test_everything_is_on_the_loopback_interface(settings: StackSettings) -> None:
    environment = airflow.airflow_environment(settings, EMBEDDED)

    assert environment["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert environment["AIRFLOW__API__BASE_URL"] == f"http://127.0.0.1:{settings.airflow_port}"
    commands = airflow.component_commands(settings)
    assert "--host 127.0.0.1" in " ".join(commands["api-server"])
    assert all("--skip-serve-logs" in commands[name] for name in ("scheduler", "triggerer"))


def test_nothing_calls_home(settings: StackSettings) -> None:
    environment = airflow.airflow_environment(settings, EMBEDDED)

    assert environment["SCARF_ANALYTICS"] == "false"
    assert environment["AIRFLOW__USAGE_DATA_COLLECTION__ENABLED"] == "False"


def test_another_profile_does_not_leak_in(settings: StackSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AIRFLOW_HOME", "/elsewhere")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy")
    monkeypatch.setenv("HISTOFLOW_DATABASE_URL", "postgresql://me:canary@host/airflow")

    environment = airflow.airflow_environment(settings, EMBEDDED)

    assert "AWS_PROFILE" not in environment
    assert "HTTP_PROXY" not in environment
    assert environment["AIRFLOW_HOME"] == str(settings.airflow_home)
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert "canary" not in "".join(environment.values())


def test_amazons_own_variables_pass_and_no_endpoint_is_set(
    settings: StackSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")

    environment = airflow.airflow_environment(settings.model_copy(update={"aws": "amazon"}), {})

    assert environment["AWS_PROFILE"] == "production"
    assert not [name for name in environment if name.startswith("AWS_ENDPOINT_URL")]
    assert "HISTOFLOW_TRAINING_MAX_RUNTIME_S" not in environment, "there it is a budget"


def test_an_airflow_option_of_the_caller_wins(
    settings: StackSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__PARALLELISM", "2")

    assert airflow.airflow_environment(settings, EMBEDDED)["AIRFLOW__CORE__PARALLELISM"] == "2"


def test_the_connection_only_names_the_region(settings: StackSettings) -> None:
    connection = airflow.airflow_environment(settings, EMBEDDED)["AIRFLOW_CONN_AWS_DEFAULT"]

    assert json.loads(connection) == {"conn_type": "aws", "extra": {"region_name": "us-east-1"}}


def test_airflows_home_is_closed_to_others(settings: StackSettings) -> None:
    airflow.airflow_environment(settings, EMBEDDED)

    assert stat.S_IMODE(settings.airflow_home.stat().st_mode) == 0o700
