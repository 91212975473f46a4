"""The command line, as a person uses it."""

from __future__ import annotations

import configparser
import json
import signal
import socket
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import local_aws
from local_aws import LocalAws


def test_status(embedded_aws: LocalAws) -> None:
    done = embedded_aws.command("status")
    assert done.returncode == 0
    for part in ("s3", "moto", "edge", "controller"):
        assert f"{part} " in done.stdout
    with urllib.request.urlopen(f"{embedded_aws.endpoint_url}/_embedded_aws/health") as answer:
        assert set(json.load(answer).values()) == {"running"}


def test_env_is_ready_for_eval(embedded_aws: LocalAws) -> None:
    assert embedded_aws.env["AWS_ENDPOINT_URL"] == embedded_aws.endpoint_url
    assert embedded_aws.env["AWS_ENDPOINT_URL_S3"] == embedded_aws.s3_endpoint_url
    assert set(embedded_aws.env) == {
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
    }


def test_jobs_logs_and_endpoints(embedded_aws: LocalAws, jobs: Any) -> None:
    name = jobs.train("print('seen on the command line')\nraise SystemExit(4)")
    jobs.ended(name)
    listed = embedded_aws.command("jobs").stdout
    assert any(line.startswith(name) and "Failed" in line for line in listed.splitlines())
    assert "seen on the command line" in embedded_aws.command("logs", name).stdout
    assert embedded_aws.command("endpoints").stdout.startswith("ENDPOINT")
    missing = embedded_aws.command("logs", "absent")
    assert (missing.returncode, "absent" in missing.stderr) == (1, True)


def test_up_again_changes_nothing(embedded_aws: LocalAws) -> None:
    before = {process.pid for process in embedded_aws.processes()}
    flags = ["--port", str(embedded_aws.port), "--bucket", "another-bucket", "--role", "AnotherRole"]
    done = embedded_aws.command("up", *flags, variables={"EMBEDDED_AWS_INVOKE_TIMEOUT_S": "8"})
    assert done.returncode == 0, done.stderr
    assert before <= {process.pid for process in embedded_aws.processes()}
    embedded_aws.client("s3").head_bucket(Bucket="another-bucket")
    embedded_aws.client("iam").get_role(RoleName="AnotherRole")


def test_up_with_other_settings_is_refused(embedded_aws: LocalAws) -> None:
    done = embedded_aws.command("up", "--max-jobs", "9")
    assert done.returncode == 1
    assert "max_jobs" in done.stderr
    assert "`down`" in done.stderr


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    port, s3_port = local_aws.free_ports()
    with socket.create_server(("127.0.0.1", s3_port)):
        aws = LocalAws(tmp_path / "home", port, s3_port)
        done = aws.command("up", "--port", str(port), "--s3-port", str(s3_port))
    assert done.returncode == 1
    assert f"Port {s3_port} (s3): taken by process" in done.stderr
    assert "--s3-port or EMBEDDED_AWS_S3_PORT" in done.stderr
    assert aws.processes() == []


def test_bad_settings_are_explained(tmp_path: Path) -> None:
    aws = LocalAws(tmp_path / "home", 1, 2)
    for flags, words in (
        (["--port", "70000"], "Setting port: 70000"),
        (["--port", "14000", "--s3-port", "14000"], "asked for twice"),
        (["--runtimes", str(tmp_path / "absent.toml")], "absent.toml"),
    ):
        done = aws.command("up", *flags)
        assert done.returncode == 1
        assert words in done.stderr


def test_run_stays_until_it_is_told_to_stop(tmp_path: Path) -> None:
    port, s3_port = local_aws.free_ports()
    aws = LocalAws(tmp_path / "home", port, s3_port)
    options = ["--port", str(port), "--s3-port", str(s3_port), "--listen", "0.0.0.0", "--bucket", "of-run"]
    with aws.start_command("run", *options) as running:
        try:
            line = local_aws.wait_until(lambda: _line(running, "credentials"), 60)
            profile = configparser.ConfigParser()
            profile.read(line.split()[1])
            aws.env = {name.upper(): value for name, value in profile["default"].items()}
            aws.client("s3").head_bucket(Bucket="of-run")
            found = [each.laddr for process in aws.processes() for each in process.net_connections()]
            assert {"0.0.0.0"} <= {address.ip for address in found if address.port == port}
            assert {"0.0.0.0"} <= {address.ip for address in found if address.port == s3_port}
        finally:
            running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0
    assert aws.processes() == []


def test_listening_anywhere_else_is_refused(tmp_path: Path) -> None:
    done = LocalAws(tmp_path / "home", 20_000, 20_001).command("up", "--listen", "::1")
    assert (done.returncode, "expected 127.0.0.1 or 0.0.0.0" in done.stderr) == (1, True)


def _line(process: subprocess.Popen[str], word: str) -> str:
    """The next line that a process prints with this word first; empty at any other."""
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    return line if line.startswith(word) else ""
