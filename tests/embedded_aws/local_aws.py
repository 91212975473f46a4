"""An embedded AWS of its own for tests: started through its command line, spoken to through boto3."""

from __future__ import annotations

import atexit
import contextlib
import io
import json
import os
import random
import socket
import subprocess
import sys
import tarfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import boto3
import psutil
import pytest
from botocore.config import Config

REPOSITORY = Path(__file__).resolve().parents[2]
ENVIRONMENTS = Path(os.environ.get("HISTOFLOW_ENVS", REPOSITORY / ".histoflow" / "envs"))
TEST_IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/test-runtime:1"
BUCKET = "test-bucket"
ROLE = "TestRole"
ROLE_ARN = f"arn:aws:iam::123456789012:role/{ROLE}"
MARKER = "EMBEDDED_AWS_PROCESS_OF"
INTERNAL_PORTS = range(20, 31)
PORTS = 40
TENSORFLOW_SERVER = REPOSITORY / "include" / "embedded_aws" / "runtime" / "tensorflow_server.py"
T = TypeVar("T")
_claims = contextlib.ExitStack()
atexit.register(_claims.close)


def wait_until(check: Callable[[], T | None], timeout_s: float = 120, period_s: float = 0.05) -> T:
    """Poll until the check's value is truthy, and give it."""
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    while not (value := check()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{check} did not come true within {timeout_s} s")
        pause.wait(period_s)
    return value


def kill(processes: Iterable[psutil.Process]) -> None:
    """kill -9 the processes; some may have ended by now, with another of them."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def interpreter(environment: str) -> str:
    """The interpreter of one of the project's environments, or this one where it is not built."""
    path = ENVIRONMENTS / environment / "bin" / "python"
    return str(path) if path.exists() else sys.executable


def archive(**files: str) -> bytes:
    """A tar.gz of text files; a name's double underscore stands for a slash."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in files.items():
            data = text.encode()
            member = tarfile.TarInfo(name.replace("__", "/") + ".py")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


@dataclass
class LocalAws:
    """One home and the variables and clients that belong to it."""

    home: Path
    port: int
    s3_port: int
    flags: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    bucket: str = BUCKET
    role_arn: str = ROLE_ARN
    image: str = TEST_IMAGE

    @property
    def endpoint_url(self) -> str:
        """Address of everything but S3."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def s3_endpoint_url(self) -> str:
        """Address of S3."""
        return f"http://127.0.0.1:{self.s3_port}"

    def command(
        self, *arguments: str, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the command line to its end."""
        return subprocess.run(
            self._arguments(arguments),
            env={**self._variables(), **(variables or {})},
            capture_output=True,
            text=True,
            timeout=280,
        )

    def start_command(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the command line and leave it running; what it prints can be read from it."""
        return subprocess.Popen(
            self._arguments(arguments), env=self._variables(), stdout=subprocess.PIPE, text=True
        )

    @staticmethod
    def _variables() -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(REPOSITORY / "include")}

    def _arguments(self, arguments: tuple[str, ...]) -> list[str]:
        return [interpreter("embedded-aws"), "-m", "embedded_aws", "--home", str(self.home), *arguments]

    def up(self) -> LocalAws:
        """Start it, or start it again."""
        ports = ["--port", str(self.port), "--s3-port", str(self.s3_port)]
        done = self.command("up", *ports, *self.flags)
        assert done.returncode == 0, done.stdout + done.stderr + self.process_logs()
        printed = self.command("env").stdout.splitlines()
        self.env = dict(line.removeprefix("export ").split("=", 1) for line in printed)
        return self

    def down(self) -> None:
        """Stop everything of it."""
        done = self.command("down")
        assert done.returncode == 0, done.stdout + done.stderr

    def kill_everything(self) -> None:
        """kill -9 every process that belongs to the home."""
        kill(self.processes())
        wait_until(lambda: not self.processes())

    def processes(self, role: str | None = None, owner: str | None = None) -> list[psutil.Process]:
        """The live processes that carry the home's marker, of a role and working for a resource's ARN."""
        found = []
        for process in psutil.process_iter():
            try:
                variables = process.environ()
                if process.status() == psutil.STATUS_ZOMBIE:
                    continue
            except psutil.Error:
                continue
            if role is not None and variables.get("EMBEDDED_AWS_PROCESS_ROLE") != role:
                continue
            if owner is not None and variables.get("EMBEDDED_AWS_PROCESS_OWNER") != owner:
                continue
            if variables.get(MARKER) == str(self.home):
                found.append(process)
        return found

    def process_logs(self) -> str:
        """What the processes printed, for a failing test to show."""
        logs = sorted((self.home / "log").glob("*.log"))
        return "\n".join(f"--- {path.name}\n{path.read_text()[-3000:]}" for path in logs)

    def faults(self, method: str, path: str = "", **members: Any) -> tuple[int, dict[str, Any]]:
        """Send a request to the fault API; the status and the answer."""
        body = json.dumps(members).encode() if members else None
        url = f"{self.endpoint_url}/_embedded_aws/faults{path}"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, method=method)) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"{}")

    def client(self, service: str, **changes: Any) -> Any:
        """A boto3 client of it."""
        options: dict[str, Any] = {
            "endpoint_url": self.s3_endpoint_url if service == "s3" else self.endpoint_url,
            "region_name": "us-east-1",
            "aws_access_key_id": self.env["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": self.env["AWS_SECRET_ACCESS_KEY"],
            "config": Config(retries={"max_attempts": 0}, read_timeout=70),
        }
        session: Any = boto3.session.Session()
        return session.client(service, **{**options, **changes})


@contextlib.contextmanager
def everything_sent_to(aws: LocalAws, **variables: str) -> Iterator[None]:
    """Whatever this process calls of AWS is called there; boto3's own session forgets where it was before."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**aws.env, **variables}.items():
            patch.setenv(name, value)
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        yield


def start(home: Path, runtimes: Path, *flags: str) -> LocalAws:
    """Start an embedded AWS in the home, on ports nobody uses."""
    port, s3_port = free_ports()
    runtimes.write_text(
        '[[runtime]]\nname = "test"\nimages = ["*/test-runtime:*", "763104351884.*/tensorflow-*"]\n'
        f'python = "{interpreter("dev")}"\n\n'
        '[[runtime]]\nname = "mxnet"\nimages = ["*/mxnet-training:*", "*/mxnet-inference:*"]\n'
        f'python = "{interpreter("mxnet")}"\n\n'
        '[[runtime]]\nname = "tensorflow"\nimages = ["*/tensorflow-*"]\n'
        f'python = "{interpreter("tensorflow")}"\n'
        f'serve = ["{interpreter("tensorflow")}", "{TENSORFLOW_SERVER}"]\n\n'
        '[[runtime]]\nname = "image-classification"\nimages = ["*/image-classification:*"]\n'
        f'python = "{interpreter("mxnet")}"\nalgorithm = "image-classification"\n'
    )
    common = ["--runtimes", str(runtimes), "--bucket", BUCKET, "--role", ROLE]
    return LocalAws(home, port, s3_port, [*common, *flags]).up()


def free_ports() -> tuple[int, int]:
    """A port for the edge, with the internal ones above it free, and the next one for S3.

    While this process lives it listens on the last port of the block, so tests beside these take another.
    """
    for _ in range(100):
        port = random.randrange(20_000, 30_000, PORTS)
        if all(_is_free(port + offset) for offset in (0, 1, *INTERNAL_PORTS)):
            with contextlib.suppress(OSError):
                _claims.enter_context(socket.create_server(("127.0.0.1", port + PORTS - 1)))
                return port, port + 1
    raise AssertionError("no free block of ports found")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
