from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stack import __main__ as cli, aws, paths
from stack.settings import StackSettings

MAKE = ["make", "--no-print-directory", "-C", str(paths.REPOSITORY)]


def run_stack(settings: StackSettings, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(paths.INCLUDE),
        "HISTOFLOW_HOME": str(settings.home),
        "HISTOFLOW_ENVS": str(settings.envs),
        **variables,
    }
    command = [sys.executable, "-m", "stack", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_wrong_setting_is_one_clear_message(settings: StackSettings) -> None:
    done = run_stack(settings, "status", HISTOFLOW_AIRFLOW_PORT="x")

    assert done.returncode == 1
    assert "HISTOFLOW_AIRFLOW_PORT: 'x', expected a free port" in done.stderr
    assert "Traceback" not in done.stderr


def test_status_of_nothing(settings: StackSettings) -> None:
    done = run_stack(settings, "status")

    assert done.returncode == 0
    assert "Airflow   stopped" in done.stdout
    assert "REST API  stopped" in done.stdout


def test_down_of_nothing_is_no_error(settings: StackSettings) -> None:
    done = run_stack(settings, "down")

    assert (done.returncode, done.stderr) == (0, "")


def test_logs_of_nothing_say_what_there_is(settings: StackSettings) -> None:
    done = run_stack(settings, "logs", "scheduler")

    assert done.returncode == 1
    assert "logs scheduler: not found, expected some of: none yet" in done.stderr


def test_airflow_wants_a_stack(settings: StackSettings) -> None:
    done = run_stack(settings, "airflow", "dags", "list", "--output", "json")

    assert done.returncode == 1
    assert "expected a stack. Start it with `make up`" in done.stderr


def test_an_option_that_is_not_known_is_refused(settings: StackSettings) -> None:
    done = run_stack(settings, "status", "--output", "json")

    assert done.returncode == 2
    assert "unrecognized arguments: --output json" in done.stderr


def test_there_is_no_embedded_aws_to_start_on_amazon(settings: StackSettings) -> None:
    own = {"HISTOFLOW_BUCKET": "mine", "HISTOFLOW_ROLE_ARN": "arn:aws:iam::123456789012:role/mine"}

    done = run_stack(settings, "up", "aws", HISTOFLOW_AWS="amazon", **own)

    assert done.returncode == 1
    assert "with HISTOFLOW_AWS=amazon there is no other" in done.stderr


def test_a_missing_archive_stops_the_demo_before_anything_starts(settings: StackSettings) -> None:
    done = run_stack(settings, "demo", "--archive", "nowhere.zip")

    assert done.returncode == 1
    assert "archive nowhere.zip: no such file" in done.stderr
    assert not settings.home.exists()


def test_env_prints_exports_and_nothing_else(
    settings: StackSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HISTOFLOW_HOME", str(settings.home))
    monkeypatch.setenv("HISTOFLOW_AWS_PORT", "15001")
    variables = {"AWS_SECRET_ACCESS_KEY": "a b'c", "HISTOFLOW_BUCKET": "histoflow"}
    monkeypatch.setattr(aws, "client_environment", lambda _: variables)

    assert cli.main(["env"]) == 0

    script = capsys.readouterr().out
    assert all(line.startswith("export ") for line in script.splitlines())
    command = ["sh", "-c", script + 'printf %s "$AWS_SECRET_ACCESS_KEY"']
    echoed = subprocess.run(command, capture_output=True, text=True, check=True)
    assert echoed.stdout == "a b'c"


def run_make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make as from a shell, whichever make runs these tests."""
    variables = {n: v for n, v in os.environ.items() if not n.startswith(("HISTOFLOW_", "MAKE", "MFLAGS"))}
    return subprocess.run([*MAKE, *arguments], env=variables, capture_output=True, text=True, check=False)


def test_make_lists_its_targets() -> None:
    done = run_make()

    listed = {line.split()[0] for line in done.stdout.splitlines()}
    promised = (
        "demo up down status logs env test test-slow test-fast test-exhaustive test-embedded-aws "
        "test-compose check bench docs docs-serve mwaa runtimes wheel clean lock compose-env "
        "system-packages help"
    )
    assert listed == set(promised.split())
    assert 'eval "$(make -s env)"' in done.stdout


def test_make_passes_what_it_is_given(tmp_path: Path) -> None:
    done = run_make(
        "-n",
        "demo",
        "ARCHIVE=my data.zip",
        "SPLIT=a split.csv",
        "PARTITION=2026-10",
        f"HISTOFLOW_HOME={tmp_path}",
    )

    assert "-m stack demo --archive 'my data.zip' --split 'a split.csv' --partition '2026-10'" in done.stdout
    assert f"{tmp_path}/envs/airflow/bin/python" in done.stdout


def test_make_names_a_missing_python(tmp_path: Path) -> None:
    done = run_make("status", "PYTHON=python0.0", f"HISTOFLOW_HOME={tmp_path}")

    assert done.returncode != 0
    assert "error: Python 3.11 not found" in done.stderr
