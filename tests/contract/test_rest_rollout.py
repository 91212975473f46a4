"""The REST API while another model version is rolled out: each answer is calibrated as its own asks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aws_endpoints import Endpoints
from contract import rest
from contract.rest import VIOLET, expected, image, patch
from local_aws import LocalAws

pytestmark = pytest.mark.slow

OLD: dict[str, Any] = {"temperature": 2.0, "bias": 0.25, "threshold": 0.5}
MUCH = "100000/second"
NEW: dict[str, Any] = {"temperature": 0.5, "bias": -1.0, "threshold": 0.9}
CANARY = {
    "BlueGreenUpdatePolicy": {
        "TrafficRoutingConfiguration": {
            "Type": "CANARY", "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
            "WaitIntervalInSeconds": 8,
        }
    }
}  # fmt: skip


def test_a_canary_is_calibrated_by_the_version_that_answers(embedded_aws: LocalAws, tmp_path: Path) -> None:
    fleet = rest.Fleet(Endpoints(embedded_aws))
    fleet.create(fleet.config(*fleet.version(**OLD)))
    known = {
        "v1-mxnet": (pytest.approx(expected(VIOLET, **OLD), abs=1e-6), 0.5, 1),
        "v2-mxnet": (pytest.approx(expected(VIOLET, **NEW), abs=1e-6), 0.9, 0),
    }
    pixels, seen, pending = image(patch(VIOLET, texture=20)), [], set()
    with rest.in_process(embedded_aws, fleet.name, tmp_path, refresh_s=1, rate_limit=MUCH) as client:

        def ask() -> None:
            answer = client.post("/v1/predictions", content=pixels, headers={"Content-Type": "image/png"})
            assert answer.status_code == 200, answer.text
            body = answer.json()
            version = body["model"]["version"]
            assert (body["probability"], body["threshold"], body["class"]) == known[version]
            seen.append(version)

        ask()
        fleet.endpoints.sagemaker.update_endpoint(
            EndpointName=fleet.name,
            EndpointConfigName=fleet.config(*fleet.version(**NEW)),
            DeploymentConfig=CANARY,
        )
        while fleet.endpoints.describe(fleet.name)["EndpointStatus"] != "InService":
            ask()
            pending |= {(each["version"], each["role"]) for each in client.get("/v1/model").json()["models"]}
        ask()

    assert (seen[0], seen[-1]) == ("v1-mxnet", "v2-mxnet")
    mixed = seen[seen.index("v2-mxnet") :]
    assert "v1-mxnet" in mixed
    assert {("v1-mxnet", "live"), ("v2-mxnet", "pending")} <= pending
    fleet.endpoints.delete(fleet.name)
