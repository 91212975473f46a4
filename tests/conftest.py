"""Fixtures for tests of every folder."""

from __future__ import annotations

import os
from collections.abc import Iterator

import local_aws
import pytest
from local_aws import LocalAws

QUICK = {"EMBEDDED_AWS_INVOKE_TIMEOUT_S": "4", "EMBEDDED_AWS_PING_PERIOD_S": "0.5"}


@pytest.fixture(scope="session")
def embedded_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A running embedded AWS, one for all tests of the session: use names of your own."""
    directory = tmp_path_factory.mktemp("embedded-aws")
    os.environ.update(QUICK)
    try:
        flags = ["--stop-grace-s", "1", "--max-jobs", "4", "--faults"]
        aws = local_aws.start(directory / "home", directory / "runtimes.toml", *flags)
    finally:
        for name in QUICK:
            del os.environ[name]
    yield aws
    aws.down()
    assert aws.processes() == []


@pytest.fixture
def fresh_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A running embedded AWS for one test alone, which may kill it."""
    directory = tmp_path_factory.mktemp("fresh-aws")
    aws = local_aws.start(
        directory / "home", directory / "runtimes.toml", "--stop-grace-s", "1", "--max-jobs", "1"
    )
    yield aws
    aws.down()
    assert aws.processes() == []
