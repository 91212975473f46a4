"""Real clients, each in the environment it needs, as processes of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pytest
from clients.workloads import Workloads
from local_aws import ENVIRONMENTS, LocalAws
from local_client import Client, Script


@pytest.fixture(scope="session")
def client_of(embedded_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Client]:
    """A client of the embedded AWS in the environment named."""

    def make(environment: str) -> Client:
        if not (ENVIRONMENTS / environment / "bin" / "python").exists():
            pytest.skip(f"environment {environment} is not built: run `make client-environments`")
        return Client(embedded_aws, environment, tmp_path_factory.mktemp(environment))

    return make


@pytest.fixture(scope="module")
def begin(client_of: Callable[[str], Client]) -> Iterator[Callable[..., Script]]:
    """Starts scripts that run at the same time; those left at the end of the module are killed."""
    scripts: list[Script] = []

    def start(client: Client, script: str, variables: Mapping[str, str] | None = None) -> Script:
        scripts.append(client.begin(script, variables))
        return scripts[-1]

    yield start
    for script in scripts:
        script.process.kill()
        script.process.wait()


@pytest.fixture(scope="module")
def workloads(embedded_aws: LocalAws) -> Workloads:
    """Requests for the embedded AWS of the session."""
    return Workloads(embedded_aws)
