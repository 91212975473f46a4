"""Fixtures for tests of every folder."""

from __future__ import annotations

import os
from collections.abc import Iterator

import local_aws
import pytest
from local_aws import LocalAws


@pytest.fixture(scope="session")
def embedded_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A running embedded AWS, one for all tests of the session: use names of your own."""
    directory = tmp_path_factory.mktemp("embedded-aws")
    os.environ["EMBEDDED_AWS_INVOKE_TIMEOUT_S"] = "4"
    try:
        aws = local_aws.start(
            directory / "home", directory / "runtimes.toml", "--stop-grace-s", "1", "--max-jobs", "4"
        )
    finally:
        del os.environ["EMBEDDED_AWS_INVOKE_TIMEOUT_S"]
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
