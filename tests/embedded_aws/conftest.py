"""Fixtures for the tests of the embedded AWS."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from aws_jobs import Jobs
from local_aws import LocalAws


@pytest.fixture(scope="session")
def jobs(embedded_aws: LocalAws) -> Jobs:
    """Jobs on the embedded AWS of the session."""
    return Jobs(embedded_aws)


@pytest.fixture
def jobs_of() -> Callable[[LocalAws], Jobs]:
    """Jobs on another embedded AWS."""
    return Jobs
