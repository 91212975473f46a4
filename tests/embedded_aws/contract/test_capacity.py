"""Weights and numbers of instances change while an endpoint serves; sick instances are replaced."""

from __future__ import annotations

import contextlib
from collections import Counter
from pathlib import Path

import psutil
import pytest
from aws_endpoints import ECHO, Endpoints
from aws_jobs import waiting_for
from botocore.exceptions import ClientError
from local_aws import LocalAws, wait_until

NAMED = ECHO.replace('"pid": os.getpid()', '"host": os.uname().nodename')


@pytest.fixture(scope="module")
def endpoints(embedded_aws: LocalAws) -> Endpoints:
    return Endpoints(embedded_aws)


def hosts(endpoints: Endpoints, name: str, count: int = 40) -> Counter[str]:
    """Which instances answer: a container's own log name tells them apart."""
    return Counter(endpoints.invoke(name)["host"] for _ in range(count))


def test_more_and_fewer_instances(endpoints: Endpoints, tmp_path: Path) -> None:
    may_start = tmp_path / "may-start"
    may_start.touch()
    name = endpoints.in_service(endpoints.model(waiting_for(may_start) + NAMED))
    assert len(hosts(endpoints, name)) == 1
    may_start.unlink()
    for count in (3, 1):
        endpoints.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=name,
            DesiredWeightsAndCapacities=[{"VariantName": "variant-0", "DesiredInstanceCount": count}],
        )
        updating = endpoints.describe(name)
        assert updating["ProductionVariants"][0]["DesiredInstanceCount"] == count
        if count == 3:
            assert updating["EndpointStatus"] == "Updating"
            assert updating["ProductionVariants"][0]["CurrentInstanceCount"] == 1
            may_start.touch()
        variant = endpoints.settled(name)["ProductionVariants"][0]
        assert variant["CurrentInstanceCount"] == variant["DesiredInstanceCount"] == count
        wait_until(lambda count=count: len(hosts(endpoints, name)) == count)
    endpoints.delete(name)


def test_weights_share_the_traffic(endpoints: Endpoints) -> None:
    name = endpoints.in_service(endpoints.model(ECHO, "a"), endpoints.model(ECHO, "b"), weights=(1.0, 0.0))
    endpoints.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name,
        DesiredWeightsAndCapacities=[
            {"VariantName": "variant-0", "DesiredWeight": 1},
            {"VariantName": "variant-1", "DesiredWeight": 3},
        ],
    )
    assert [v["CurrentWeight"] for v in endpoints.settled(name)["ProductionVariants"]] == [1.0, 3.0]
    answers = Counter(endpoints.invoke(name)["model"] for _ in range(200))
    assert 110 < answers["b"] < 185
    assert endpoints.invoke(name, TargetVariant="variant-0")["model"] == "a"
    with pytest.raises(ClientError, match="not present within endpoint configuration"):
        endpoints.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=name, DesiredWeightsAndCapacities=[{"VariantName": "c", "DesiredWeight": 1}]
        )
    endpoints.delete(name)


def test_a_killed_and_a_frozen_server_are_replaced(endpoints: Endpoints) -> None:
    name = endpoints.in_service(endpoints.model(NAMED))
    arn = endpoints.describe(name)["EndpointArn"]
    for strike in (psutil.Process.kill, psutil.Process.suspend):
        before = endpoints.invoke(name)["host"]
        for process in endpoints.aws.processes("container", arn):
            with contextlib.suppress(psutil.NoSuchProcess):  # one may end with another
                strike(process)

        def is_replaced(before: str = before) -> bool:
            try:
                return bool(endpoints.invoke(name)["host"] != before)
            except endpoints.runtime.exceptions.ModelError:
                return False

        wait_until(is_replaced)
        assert endpoints.describe(name)["EndpointStatus"] == "InService"
    endpoints.delete(name)


def test_an_update_whose_fleet_refuses_ping_rolls_back(endpoints: Endpoints) -> None:
    name = endpoints.in_service(endpoints.model(ECHO, "old"))
    config = endpoints.config(endpoints.model(ECHO, "new"))
    endpoints.aws.faults("POST", kind="refuse_ping", target=name, count=1)
    endpoints.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config)
    endpoint = endpoints.settled(name)
    reason = (
        "The primary container for production variant variant-0 did not pass the ping health check. "
        "Please check CloudWatch logs for this endpoint."
    )
    assert endpoint["EndpointStatus"] == "InService"
    assert endpoint["FailureReason"] == reason
    assert endpoints.invoke(name)["model"] == "old"
    endpoints.delete(name)
