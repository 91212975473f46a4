"""Fixtures for what runs against one embedded AWS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from aws_endpoints import Endpoints
from aws_jobs import Jobs
from contract import rest
from local_aws import LocalAws


@pytest.fixture(scope="session")
def jobs(embedded_aws: LocalAws) -> Jobs:
    """Jobs on the embedded AWS of the session."""
    return Jobs(embedded_aws)


@pytest.fixture(scope="session")
def rest_api(embedded_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[rest.Api]:
    """The REST API in front of one version of a model with known answers (contract.rest)."""
    fleet = rest.Fleet(Endpoints(embedded_aws))
    fleet.create(fleet.config(*fleet.version(), instances=2))
    with rest.api(embedded_aws, fleet.name, tmp_path_factory.mktemp("rest")) as running:
        yield running
