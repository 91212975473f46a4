from __future__ import annotations

import stat
from collections.abc import Iterator

import httpx
import psutil
import pytest

from embedded_aws.supervision import ports, supervisord
from stack import prediction_api, processes, services, status
from stack.environments import interpreter
from stack.settings import StackSettings


@pytest.fixture
def stack(settings: StackSettings) -> Iterator[StackSettings]:
    if not interpreter("serving", settings.envs).exists():
        pytest.skip("the environment serving is not built: run make test")
    yield settings
    services.down(settings, ["api"])


def ask(settings: StackSettings, key: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.get(f"{settings.api_url}/v1/slides", headers=headers, trust_env=False, timeout=60)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_it_runs_alone_and_says_what_it_lacks(
    stack: StackSettings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    services.up(stack, ["api"])
    said = capsys.readouterr().out

    file = prediction_api.key_file(stack)
    key = file.read_text().strip()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert f"kept in {file}" in " ".join(said.split()), "a long path has a line of its own"
    assert f"at {stack.api_url}" in said
    assert key not in said
    assert ask(stack, key).status_code == 200
    assert ask(stack, key + "x").status_code == 401
    assert prediction_api.readiness(stack).startswith("not ready: The endpoint histoflow-idc: ")

    (running,) = (psutil.Process(c.pid) for c in supervisord.components(stack.api_group) or [])
    listening = [c.laddr.ip for c in running.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    assert listening == ["127.0.0.1"]
    running.kill()
    running.wait(timeout=60)
    services.up(stack, ["api"])
    assert ask(stack, key).status_code == 200
    status.show(stack)
    assert f"REST API {stack.api_url}, key in {file}" in " ".join(capsys.readouterr().out.split())

    monkeypatch.setenv("HISTOFLOW_API_RATE_LIMIT", "3/day")
    services.up(stack, ["api"])
    assert "api: restarting, because its settings have changed" in capsys.readouterr().out
    assert [ask(stack, key).status_code for _ in range(4)][-1] == 429

    services.down(stack, ["api"])
    assert processes.find(stack.api_home) == []
    assert ports.is_free(stack.api_port)


def test_it_sees_the_embedded_aws_and_no_profile_of_the_caller(
    settings: StackSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stack.aws.client_environment", lambda _: {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("HISTOFLOW_API_RATE_LIMIT", "5/second")
    monkeypatch.setenv("HISTOFLOW_DATABASE_URL", "postgresql://me:canary@host/airflow")

    environment = prediction_api._environment(settings)

    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert environment["HISTOFLOW_API_PORT"] == str(settings.api_port)
    assert environment["HISTOFLOW_API_RATE_LIMIT"] == "5/second"
    assert "AWS_PROFILE" not in environment
    assert "canary" not in "".join(environment.values())


def test_on_amazon_it_has_the_callers_credentials_and_no_endpoint(
    settings: StackSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")

    environment = prediction_api._environment(settings.model_copy(update={"aws": "amazon"}))

    assert environment["AWS_PROFILE"] == "production"
    assert not [name for name in environment if name.startswith("AWS_ENDPOINT_URL")]
