"""The REST API against its own OpenAPI description: no 5xx, and no answer it does not allow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from contract import rest
from contract.rest import Api
from schemathesis.specs.openapi import checks as openapi
from starlette.testclient import TestClient

pytestmark = pytest.mark.slow

CHECKS = [
    schemathesis.checks.not_a_server_error,
    openapi.status_code_conformance,
    openapi.content_type_conformance,
    openapi.response_headers_conformance,
    openapi.response_schema_conformance,
    openapi.unsupported_method,
    openapi.ignored_auth,
]
EXAMPLES = 20


@pytest.fixture(scope="module")
def client(rest_api: Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    home = tmp_path_factory.mktemp("openapi")
    with rest.in_process(
        rest_api.aws, rest_api.endpoint, home, rate_limit="100000/second", slides_per_tenant=10_000
    ) as opened:
        yield opened


def test_every_operation_answers_as_described(client: TestClient) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", client.app)
    tried = set()
    for operation in schema.get_all_operations():
        tried.add(operation.ok().label)
        _try(operation.ok(), dict(client.headers))
    assert len(tried) == 14


def _try(operation: Any, headers: dict[str, str]) -> None:
    sending = {"Authorization": headers["authorization"]}

    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    @hypothesis.given(case=operation.as_strategy())
    def check(case: Any) -> None:
        case.call_and_validate(headers=sending, checks=CHECKS)

    check()


def test_the_description_names_keys_and_problems(client: TestClient) -> None:
    description = client.get("/openapi.json").json()
    assert description["openapi"].startswith("3.1")
    assert set(description["components"]["securitySchemes"]) == {"bearer", "key"}
    post = description["paths"]["/v1/predictions"]["post"]
    assert set(post["requestBody"]["content"]) == {"image/png", "image/jpeg", "multipart/form-data"}
    for status in ("400", "401", "403", "408", "413", "415", "422", "429", "500", "503", "504"):
        assert list(post["responses"][status]["content"]) == ["application/problem+json"]
    assert client.get("/docs").status_code == 404
