"""The REST API against its own OpenAPI description: no 5xx, and no answer it does not allow."""

from __future__ import annotations

from typing import Any

import hypothesis
import pytest
import schemathesis
from contract.rest import Api
from schemathesis.specs.openapi import checks as openapi

pytestmark = pytest.mark.slow

OPERATIONS = [
    "POST /v1/predictions",
    "POST /v1/predictions/batch",
    "POST /v1/slides",
    "GET /v1/slides",
    "GET /v1/slides/{id}",
    "DELETE /v1/slides/{id}",
    "GET /v1/slides/{id}/heatmap.png",
    "GET /v1/slides/{id}/regions.geojson",
    "POST /v1/feedback",
    "GET /v1/model",
    "GET /v1/model/card",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
]
CHECKS = [
    schemathesis.checks.not_a_server_error,
    openapi.status_code_conformance,
    openapi.content_type_conformance,
    openapi.response_headers_conformance,
    openapi.response_schema_conformance,
    openapi.unsupported_method,
    openapi.ignored_auth,
]
EXAMPLES = 12


@pytest.fixture(scope="module")
def operations(rest_api: Api) -> dict[str, Any]:
    schema = schemathesis.openapi.from_url(f"{rest_api.url}/openapi.json")
    return {operation.label: operation for operation in (each.ok() for each in schema.get_all_operations())}


def test_all_operations_are_described(operations: dict[str, Any]) -> None:
    assert list(operations) == OPERATIONS


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_answers_as_described(operations: dict[str, Any], rest_api: Api, name: str) -> None:
    headers = {"Authorization": f"Bearer {rest_api.key}"}

    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    @hypothesis.given(case=operations[name].as_strategy())
    def check(case: Any) -> None:
        case.call_and_validate(headers=headers, checks=CHECKS)

    check()


def test_the_description_names_keys_and_problems(rest_api: Api) -> None:
    with rest_api.client() as client:
        description = client.get("/openapi.json").json()
        assert client.get("/docs").status_code == 404
    assert description["openapi"].startswith("3.1")
    assert set(description["components"]["securitySchemes"]) == {"bearer", "key"}
    post = description["paths"]["/v1/predictions"]["post"]
    assert set(post["requestBody"]["content"]) == {"image/png", "image/jpeg", "multipart/form-data"}
    assert "HTTPValidationError" not in description["components"]["schemas"]
    regions = description["paths"]["/v1/slides/{id}/regions.geojson"]["get"]["responses"]["200"]["content"]
    assert regions["application/geo+json"]["schema"]["$ref"].endswith("/Regions")
    for status in ("400", "401", "403", "408", "413", "415", "422", "429", "500", "503", "504"):
        assert list(post["responses"][status]["content"]) == ["application/problem+json"]
