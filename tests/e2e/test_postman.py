"""The Postman collection, as a user would run it: by newman, against the real API."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import httpx
import local_aws
import pytest
from served_api import ServedApi

from stack import node

POSTMAN = local_aws.REPOSITORY / "include" / "postman"
COLLECTION = POSTMAN / "histoflow.postman_collection.json"
ENVIRONMENT = POSTMAN / "histoflow.postman_environment.json"


def requests(item: dict[str, Any]) -> list[dict[str, Any]]:
    """Every request of a collection or a folder."""
    inner = [found for one in item.get("item", []) for found in requests(one)]
    return [item["request"], *inner] if "request" in item else inner


def run_newman(
    served: ServedApi, report: Path, *flags: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    newman = node.folder(local_aws.ENVIRONMENTS) / "node_modules" / "newman" / "bin" / "newman.js"
    if not newman.exists():
        pytest.skip("the environment node is not built: run make test")
    given = {"baseUrl": served.url, "apiKey": served.key, **variables}
    return subprocess.run(
        [
            str(node.program()), str(newman), "run", str(COLLECTION), "--environment", str(ENVIRONMENT),
            "--working-dir", str(POSTMAN), "--color", "off", "--reporters", "cli,json",
            "--reporter-json-export", str(report), *flags,
            *(part for name, value in given.items() for part in ("--env-var", f"{name}={value}")),
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_newman_finds_nothing_wrong(served: ServedApi, tmp_path: Path) -> None:
    done = run_newman(served, tmp_path / "report.json", adminKey=served.make_key("operator", "admin"))

    assert done.returncode == 0, done.stdout[-5000:]
    run = json.loads((tmp_path / "report.json").read_text())["run"]
    assert run["stats"]["requests"]["total"] >= len(requests(json.loads(COLLECTION.read_text())))
    assert run["stats"]["assertions"]["pending"] == 0


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_collection_tells_a_wrong_answer_from_a_right_one(served: ServedApi, tmp_path: Path) -> None:
    done = run_newman(
        served, tmp_path / "report.json", "--folder", "Model", apiKey="histoflow_000000000000_wrong"
    )

    assert done.returncode == 1
    assert "got 401" in done.stdout


@pytest.mark.slow
def test_the_collection_has_every_operation(served: ServedApi) -> None:
    described = httpx.get(f"{served.url}/openapi.json", trust_env=False, timeout=60).json()["paths"]
    operations = {
        (method.upper(), path.count("/"), path.split("{")[0])
        for path, entry in described.items()
        for method in entry
    }

    asked = {
        (request["method"], request["url"]["raw"].removeprefix("{{baseUrl}}").partition("?")[0])
        for request in requests(json.loads(COLLECTION.read_text()))
    }

    for method, depth, start in operations:
        assert any(m == method and p.count("/") == depth and p.startswith(start) for m, p in asked), (
            method,
            start,
        )


def test_no_key_and_no_address_of_another_machine_is_in_the_files() -> None:
    values = {one["key"]: one["value"] for one in json.loads(ENVIRONMENT.read_text())["values"]}

    assert values == {"baseUrl": "http://127.0.0.1:8088", "apiKey": "", "adminKey": ""}
    for request in requests(json.loads(COLLECTION.read_text())):
        assert request["url"]["raw"].startswith("{{baseUrl}}/")
