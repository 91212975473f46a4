"""A home of its own for end-to-end tests, driven as a person would: by make."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import httpx
import local_aws
import psutil

from stack import keys
from stack.rest import AirflowApi

LIMIT_S = 1800
PARTITION = "2026-10"
MINI = local_aws.REPOSITORY.parent / "shared" / "data" / "idc-mini.zip"


@dataclass
class Workshop:
    """The variables that make is run with, and what can be asked of what it started."""

    variables: dict[str, str]

    @property
    def home(self) -> str:
        return self.variables["HISTOFLOW_HOME"]

    def make(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a target to its end, whatever it returns."""
        return subprocess.run(
            ["make", "--no-print-directory", *arguments],
            cwd=local_aws.REPOSITORY,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )

    @cached_property
    def printed(self) -> dict[str, str]:
        """The variables that `make env` prints."""
        lines = self.make("-s", "env").stdout.splitlines()
        return dict(shlex.split(line.removeprefix("export "))[0].split("=", 1) for line in lines)

    def client(self, service: str) -> Any:
        """Return a boto3 client configured by nothing but what `make env` prints."""
        session = boto3.session.Session(
            aws_access_key_id=self.printed["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.printed["AWS_SECRET_ACCESS_KEY"],
            region_name=self.printed["AWS_REGION"],
        )
        url = self.printed["AWS_ENDPOINT_URL_S3" if service == "s3" else "AWS_ENDPOINT_URL"]
        return session.client(service, endpoint_url=url)

    def processes(self) -> list[psutil.Process]:
        """Return every live process that has this home in its environment."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.status() != psutil.STATUS_ZOMBIE and any(
                    value.startswith(self.home) for value in process.environ().values()
                ):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    @property
    def airflow_url(self) -> str:
        return f"http://127.0.0.1:{self.variables['HISTOFLOW_AIRFLOW_PORT']}"

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.variables['HISTOFLOW_API_PORT']}"

    def token(self) -> str:
        """Log in to Airflow; what a browser then sends as its cookie `_token`."""
        login = {"username": keys.ADMIN, "password": keys.admin_password(Path(self.home) / "airflow")}
        answer = httpx.post(f"{self.airflow_url}/auth/token", json=login, trust_env=False, timeout=60)
        return str(answer.json()["access_token"])

    def airflow(self) -> AirflowApi:
        """Return a client of this home's Airflow."""
        return AirflowApi(self.airflow_url, keys.ADMIN, keys.admin_password(Path(self.home) / "airflow"), 300)


@contextlib.contextmanager
def opened(home: Path, **variables: str) -> Iterator[Workshop]:
    """Open a workshop with ports of its own in the folder; whatever it runs is stopped at the end."""
    aws_port, s3_port = local_aws.free_ports()
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    made = Workshop(
        {
            **kept,
            "HISTOFLOW_HOME": str(home),
            "HISTOFLOW_ENVS": str(local_aws.ENVIRONMENTS),
            "HISTOFLOW_AWS_PORT": str(aws_port),
            "HISTOFLOW_S3_PORT": str(s3_port),
            "HISTOFLOW_AIRFLOW_PORT": str(aws_port + 2),
            "HISTOFLOW_API_PORT": str(aws_port + 3),
            **variables,
        }
    )
    yield made
    made.make("down")
    local_aws.kill(made.processes())
