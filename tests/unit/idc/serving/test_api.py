from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from local_aws import wait_until
from starlette.testclient import TestClient

from idc.errors import ConflictError
from idc.serving import service
from idc.serving.access import RateLimits
from idc.serving.api import create_app
from idc.serving.keyring import Key
from idc.serving.ledger import Answer
from idc.serving.problems import Problem
from idc.settings import ApiSettings

REPOSITORY = Path(__file__).resolve().parents[4]
ORIGIN = "https://viewer.example"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def client(home: Path) -> Iterator[TestClient]:
    yield from opened(home)


def opened(home: Path, **settings: object) -> Iterator[TestClient]:
    app = create_app(ApiSettings(home=home, bucket="bucket", **settings))  # type: ignore[arg-type]
    with structlog.testing.capture_logs(), TestClient(app, raise_server_exceptions=False) as client:
        yield client


def test_nothing_is_allowed_to_other_origins_unless_named(tmp_path: Path, client: TestClient) -> None:
    asking = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    assert "access-control-allow-origin" not in client.options("/v1/predictions", headers=asking).headers
    for other in opened(tmp_path / "other", cors_origins=(ORIGIN,)):
        allowed = other.options("/v1/predictions", headers=asking)
        assert allowed.headers["access-control-allow-origin"] == ORIGIN
        stranger = other.options("/v1/predictions", headers={**asking, "Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in stranger.headers


def test_every_answer_has_the_headers(client: TestClient) -> None:
    for path in ("/healthz", "/nothing", "/v1/predictions", "/openapi.json"):
        headers = client.get(path).headers
        assert headers["x-disclaimer"] == "Research software, not a diagnostic device."
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["cache-control"] == "no-store"
        assert len(headers["x-request-id"]) == 32


def test_unknown_paths_and_methods_are_problems_too(client: TestClient) -> None:
    missing, wrong = client.get("/nothing"), client.put("/v1/predictions")
    assert missing.json()["type"] == "urn:histoflow:problem:not-found"
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    assert wrong.headers["content-type"] == "application/problem+json"


def test_a_failure_of_the_server_shows_no_traceback(tmp_path: Path) -> None:
    for client in opened(tmp_path):
        client.app.state.keyring.close()  # type: ignore[attr-defined]  # TestClient calls it any ASGI
        answer = client.get("/v1/model", headers={"X-API-Key": "histoflow_0_secret"})
        assert (answer.status_code, answer.json()["type"]) == (500, "urn:histoflow:problem:internal")
        assert "sqlite" not in answer.text.lower()


def test_the_page_is_there_under_its_own_policy(client: TestClient) -> None:
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]


def test_a_folder_serves_one_server(home: Path, client: TestClient) -> None:
    with pytest.raises(ConflictError, match="held by another server"):
        create_app(ApiSettings(home=home, bucket="bucket"))


def test_rates_are_counted_for_each_key() -> None:
    limits = RateLimits("3/day;1000/month")
    first, second, third = (Key(name, "t", frozenset(), 0, None, None, None) for name in "abc")

    async def ask() -> None:
        for _ in range(3):
            await limits.take(first)
        with pytest.raises(Problem) as caught:
            await limits.take(first)
        assert 1 <= int(caught.value.headers["Retry-After"]) <= 24 * 3600
        await limits.take(second, cost=100)  # more at once than ever allowed is as much as is allowed
        with pytest.raises(Problem):
            await limits.take(second)
        await limits.take(third)
        await limits.take(third, cost=100, taken=1)  # the rest of the same request

    asyncio.run(ask())


def test_answers_are_forgotten_while_the_server_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "HOUR_S", 0.01)
    for client in opened(tmp_path):
        ledger = client.app.state.service.ledger  # type: ignore[attr-defined]  # as above
        for request_id, at in (("old", 0.0), ("new", time.time())):
            ledger.add(Answer(request_id, "tenant", at, 0.5, 0.5, 0.5, "v1-mxnet", "package", False))
        wait_until(lambda find=ledger.find: find("old", "tenant") is None)
        assert ledger.find("new", "tenant") is not None


def test_the_server_needs_nothing_heavy() -> None:
    script = (
        "import sys; import idc.serving.api; "
        "print({name.split('.')[0] for name in sys.modules} & {'sklearn', 'scipy', 'matplotlib', 'airflow'})"
    )
    variables = {"PYTHONPATH": str(REPOSITORY / "include")}
    done = subprocess.run(
        [sys.executable, "-c", script], env=variables, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
