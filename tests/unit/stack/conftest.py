"""A stack of its own for each test: a state folder, free ports, and nothing of the caller's variables."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from unit.stack.fake_airflow import FakeAirflow

from embedded_aws.supervision import ports
from stack import paths
from stack.settings import StackSettings


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove what a stack or an AWS profile in the calling shell would bring in, but for the environments."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "AIRFLOW", "HISTOFLOW_")) and name != "HISTOFLOW_ENVS":
            monkeypatch.delenv(name)


def port_block(size: int = 40) -> int:
    """Return the first of `size` free ports, below those the system gives to outgoing connections."""
    for _ in range(1000):
        first = random.randrange(16000, 32000, size)
        if all(ports.is_free(port) for port in range(first, first + size)):
            return first
    raise LookupError("no free ports between 16000 and 32000")


@pytest.fixture
def free_port() -> Callable[[], int]:
    """A function that returns a port nobody listens on."""
    return port_block


@pytest.fixture
def settings(tmp_path: Path) -> StackSettings:
    """Settings of a stack that nobody else has; the embedded AWS also takes ports from `aws_port` + 20 on."""
    first = port_block()
    return StackSettings(
        home=tmp_path / "home",
        envs=paths.environments(),
        airflow_port=first,
        s3_port=first + 1,
        aws_port=first + 2,
        api_port=first + 3,
    )


@pytest.fixture
def airflow() -> Iterator[FakeAirflow]:
    """An Airflow that answers as the test tells it."""
    with FakeAirflow() as fake:
        yield fake
