"""docker-compose.yaml and its override files, as Docker Compose reads them: no daemon is needed for that."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from stack import compose_env

ROOT = Path(__file__).resolve().parents[3]
OVERRIDES = ROOT / "deploy" / "docker"
AIRFLOW = ("api-server", "scheduler", "dag-processor", "triggerer", "worker")
SECRETS = ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "AIRFLOW_FERNET_KEY", "AIRFLOW_ADMIN_PASSWORD")

COMPOSE = shutil.which("docker-compose")

pytestmark = pytest.mark.skipif(COMPOSE is None, reason="docker-compose is not installed")


def read(env_file: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    files = [ROOT / "docker-compose.yaml", *(OVERRIDES / name for name in overrides)]
    options = [option for file in files for option in ("--file", str(file))]
    return subprocess.run(
        [str(COMPOSE), *options, "--env-file", str(env_file), "config"],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    """What `make compose-env` makes of the example."""
    path = tmp_path / "env"
    path.write_text(compose_env.filled((ROOT / ".env.example").read_text()))
    return path


def services(env_file: Path, *overrides: str) -> dict[str, Any]:
    done = read(env_file, *overrides)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = yaml.safe_load(done.stdout)["services"]
    return found


def test_by_itself_everything_asks_the_embedded_aws(env_file: Path) -> None:
    found = services(env_file)

    for name in (*AIRFLOW, "api"):
        assert found[name]["environment"]["AWS_ENDPOINT_URL"] == "http://embedded-aws:4566"
    assert all("healthcheck" in one for name, one in found.items() if name != "init")
    ports = [port for one in found.values() for port in one.get("ports", [])]
    hosts = [port["host_ip"] if isinstance(port, dict) else port.split(":")[0] for port in ports]
    assert hosts == ["127.0.0.1"] * 2  # Compose 2 prints mappings


@pytest.mark.parametrize("secret", SECRETS)
def test_there_is_no_default_password(env_file: Path, secret: str) -> None:
    lines = [line for line in env_file.read_text().splitlines() if not line.startswith(f"{secret}=")]
    env_file.write_text("\n".join(lines))

    done = read(env_file)

    assert done.returncode != 0
    assert "see .env.example" in done.stderr


def test_on_amazon_nothing_asks_the_embedded_aws(env_file: Path) -> None:
    env_file.write_text(env_file.read_text() + "\nAWS_ACCESS_KEY_ID=AKIAEXAMPLE\n")

    found = services(env_file, "compose.aws.yaml")

    for name in (*AIRFLOW, "api"):
        values = found[name]["environment"]
        assert {values["AWS_ENDPOINT_URL"], values["AWS_ENDPOINT_URL_S3"]} == {""}
        assert values["AWS_ACCESS_KEY_ID"] == "AKIAEXAMPLE"
    assert found["embedded-aws"]["entrypoint"] == ["sleep", "infinity"]


def test_the_machines_gpus_are_lent_to_the_jobs_alone(env_file: Path) -> None:
    found = services(env_file, "compose.gpu.yaml")

    lent = {name: one["deploy"].get("resources") for name, one in found.items() if "deploy" in one}
    assert lent.pop("worker") is None
    [gpus] = lent.pop("embedded-aws")["reservations"]["devices"]
    assert gpus["capabilities"] == ["gpu"]
    assert lent == {}
