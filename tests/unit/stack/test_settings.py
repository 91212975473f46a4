from __future__ import annotations

from pathlib import Path

import pytest

from idc.errors import ConfigurationError
from stack import paths
from stack.settings import stack_settings


def test_defaults_are_a_stack_in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HISTOFLOW_ENVS", raising=False)
    settings = stack_settings()

    assert settings.home == paths.REPOSITORY / ".histoflow"
    assert settings.envs == settings.home / "envs"
    assert (settings.airflow_port, settings.aws_port, settings.s3_port) == (8080, 4566, 8333)
    assert settings.api_url == "http://127.0.0.1:8088"
    assert settings.sql_alchemy_url == f"sqlite:///{settings.home}/airflow/airflow.db"


def test_everything_comes_from_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HISTOFLOW_HOME", str(tmp_path))
    monkeypatch.setenv("HISTOFLOW_AIRFLOW_PORT", "15001")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")

    settings = stack_settings()

    assert settings.home == tmp_path
    assert settings.airflow_url == "http://127.0.0.1:15001"
    assert settings.region == "eu-central-1"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_postgres_is_one_setting(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv("HISTOFLOW_DATABASE_URL", f"{scheme}://me:canary@host/airflow")

    settings = stack_settings()

    assert settings.sql_alchemy_url == "postgresql+psycopg2://me:canary@host/airflow"
    assert "canary" not in repr(settings)


def test_a_wrong_database_is_refused_without_showing_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HISTOFLOW_DATABASE_URL", "mysql://me:canary@host/airflow")

    with pytest.raises(ConfigurationError, match="expected postgresql://") as caught:
        stack_settings()

    assert "canary" not in str(caught.value)


def test_amazon_is_not_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HISTOFLOW_AWS", "amazon")
    monkeypatch.setenv("HISTOFLOW_BUCKET", "mine")
    monkeypatch.setenv("HISTOFLOW_ROLE_ARN", "arn:aws:iam::123456789012:role/mine")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://bucket.vpce-1.s3.us-east-1.vpce.amazonaws.com")
    assert stack_settings().aws == "amazon"

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    with pytest.raises(ConfigurationError, match="AWS_ENDPOINT_URL: on this machine, expected Amazon's"):
        stack_settings()


def test_amazon_needs_a_bucket_and_a_role_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HISTOFLOW_AWS", "amazon")
    with pytest.raises(ConfigurationError, match="HISTOFLOW_BUCKET and HISTOFLOW_ROLE_ARN: missing"):
        stack_settings()

    monkeypatch.setenv("HISTOFLOW_BUCKET", "mine")
    monkeypatch.setenv("HISTOFLOW_ROLE_ARN", "arn:aws:iam::123456789012:role/mine")
    assert stack_settings().bucket == "mine"


def test_two_services_cannot_have_one_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HISTOFLOW_S3_PORT", "8080")

    with pytest.raises(ConfigurationError, match="expected four different ones"):
        stack_settings()


def test_every_wrong_variable_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HISTOFLOW_AIRFLOW_PORT", "80")
    monkeypatch.setenv("HISTOFLOW_AWS", "google")

    with pytest.raises(ConfigurationError) as caught:
        stack_settings()

    assert "HISTOFLOW_AIRFLOW_PORT: '80', expected a free port" in str(caught.value)
    assert "HISTOFLOW_AWS: 'google', expected `embedded`" in str(caught.value)
