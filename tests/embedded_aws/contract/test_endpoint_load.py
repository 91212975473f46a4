"""Whatever happens to an endpoint under load, no request fails."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aws_endpoints import BROKEN, ECHO, Endpoints
from botocore.exceptions import BotoCoreError, ClientError
from local_aws import LocalAws, wait_until

SLOW = ECHO.replace(
    'if data == "hang":', 'if data == "slow":\n        time.sleep(0.5)\n    if data == "hang":'
)
PROCESSES_OF_AN_INSTANCE = 3  # two of its first process, and the server
BY_HALVES = {
    "BlueGreenUpdatePolicy": {
        "TrafficRoutingConfiguration": {
            "Type": "LINEAR",
            "WaitIntervalInSeconds": 1,
            "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 50},
        }
    }
}


@pytest.fixture(scope="module")
def endpoints(embedded_aws: LocalAws) -> Endpoints:
    return Endpoints(embedded_aws)


@contextmanager
def load(endpoints: Endpoints, name: str, *payloads: bytes) -> Iterator[list[str]]:
    """One client per payload asks again and again; the models that answered. Fails if a request did."""
    answers: list[str] = []
    errors: list[str] = []
    is_over = threading.Event()

    def ask(payload: bytes) -> None:
        runtime = endpoints.aws.client("sagemaker-runtime")
        while not is_over.is_set():
            try:
                answer = runtime.invoke_endpoint(EndpointName=name, Body=payload, ContentType="text/plain")
                answers.append(json.loads(answer["Body"].read())["model"])
            except (BotoCoreError, ClientError) as error:
                errors.append(str(error))

    threads = [threading.Thread(target=ask, args=(payload,)) for payload in payloads]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    assert errors == []


@pytest.mark.slow
def test_updates_rollbacks_and_scaling_lose_no_request(endpoints: Endpoints) -> None:
    name = endpoints.in_service(endpoints.model(SLOW, "zero"))
    arn = endpoints.describe(name)["EndpointArn"]

    def update(model: str, **members: Any) -> dict[str, Any]:
        config = endpoints.config(model)
        endpoints.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config, **members)
        return endpoints.settled(name)

    with load(endpoints, name, b"x", b"x", b"slow", b"slow") as answers:
        wait_until(lambda: "zero" in answers)
        assert "FailureReason" not in update(endpoints.model(SLOW, "one"))
        wait_until(lambda: answers[-1] == "one")
        assert "FailureReason" not in update(endpoints.model(SLOW, "two"), DeploymentConfig=BY_HALVES)
        wait_until(lambda: answers[-1] == "two")
        assert "FailureReason" in update(endpoints.model(BROKEN))
        for count in (3, 1):
            endpoints.sagemaker.update_endpoint_weights_and_capacities(
                EndpointName=name,
                DesiredWeightsAndCapacities=[{"VariantName": "variant-0", "DesiredInstanceCount": count}],
            )
            endpoints.settled(name)
        wait_until(lambda: len(endpoints.aws.processes("container", arn)) <= PROCESSES_OF_AN_INSTANCE)
    assert set(answers) == {"zero", "one", "two"}
    endpoints.delete(name)
