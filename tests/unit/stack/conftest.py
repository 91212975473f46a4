"""A stack of its own for each test: a state folder, free ports, and nothing of the caller's variables."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from unit.stack.fake_airflow import FakeAirflow

from stack import paths
from stack.settings import StackSettings


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove what a stack or an AWS profile in the calling shell would bring in, but for the environments."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "AIRFLOW", "HISTOFLOW_")) and name != "HISTOFLOW_ENVS":
            monkeypatch.delenv(name)


@pytest.fixture
def free_port() -> Callable[[], int]:
    """A function that returns a port nobody listens on."""

    def find() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    return find


@pytest.fixture
def settings(tmp_path: Path, free_port: Callable[[], int]) -> StackSettings:
    """Settings of a stack that nobody else has."""
    return StackSettings(
        home=tmp_path / "home",
        envs=paths.environments(),
        aws_port=free_port(),
        s3_port=free_port(),
        airflow_port=free_port(),
    )


@pytest.fixture
def airflow() -> Iterator[FakeAirflow]:
    """An Airflow that answers as the test tells it."""
    with FakeAirflow() as fake:
        yield fake
