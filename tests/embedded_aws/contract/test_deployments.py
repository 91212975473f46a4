"""Updates of endpoints: traffic that moves at once, after a canary or in steps, and goes back."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from aws_endpoints import ECHO, Endpoints
from aws_jobs import unique, waiting_for
from botocore.exceptions import ClientError
from local_aws import LocalAws, wait_until

WAIT_S = 6  # a busy machine must not sleep through a step


@pytest.fixture(scope="module")
def endpoints(embedded_aws: LocalAws) -> Endpoints:
    return Endpoints(embedded_aws)


def blue_green(sort: str, wait_s: int = WAIT_S, termination_s: int = 0, **sizes: Any) -> dict[str, Any]:
    """A DeploymentConfig of traffic routing of the sort."""
    routing = {"Type": sort, "WaitIntervalInSeconds": wait_s, **sizes}
    policy = {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": termination_s}
    return {"BlueGreenUpdatePolicy": policy}


def percent(value: int) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


def shares(endpoints: Endpoints, name: str, until: str) -> list[float]:
    """The new fleet's share of 60 answers, taken again and again until the endpoint has the status."""
    seen = []
    while endpoints.describe(name)["EndpointStatus"] != until:
        answers = [endpoints.invoke(name)["model"] for _ in range(60)]
        seen.append(answers.count("new") / len(answers))
    return seen


@pytest.mark.parametrize(
    ("deployment", "between"),
    [
        (blue_green("CANARY", CanarySize=percent(30)), [(0.05, 0.65)]),
        (blue_green("LINEAR", LinearStepSize=percent(50)), [(0.2, 0.8)]),
        (
            {"RollingUpdatePolicy": {"MaximumBatchSize": percent(50), "WaitIntervalInSeconds": WAIT_S}},
            [(0.2, 0.8)],
        ),
    ],
    ids=["canary", "linear", "rolling"],
)
def test_traffic_shifts_in_steps(
    endpoints: Endpoints, deployment: dict[str, Any], between: list[tuple[float, float]], tmp_path: Path
) -> None:
    may_start = tmp_path / "may-start"
    name = endpoints.in_service(endpoints.model(ECHO, "old"))
    started = time.monotonic()
    endpoints.sagemaker.update_endpoint(
        EndpointName=name,
        EndpointConfigName=endpoints.config(endpoints.model(waiting_for(may_start) + ECHO, "new")),
        DeploymentConfig=deployment,
    )
    assert endpoints.invoke(name)["model"] == "old"
    may_start.touch()
    seen = shares(endpoints, name, "InService")
    assert time.monotonic() - started >= 2 * WAIT_S
    for low, high in between:
        assert any(low < share < high for share in seen), seen
    assert endpoints.invoke(name)["model"] == "new"
    assert endpoints.describe(name)["LastDeploymentConfig"] == deployment
    endpoints.delete(name)


def test_all_at_once_bakes_and_keeps_the_old_fleet_for_a_while(endpoints: Endpoints) -> None:
    name = endpoints.in_service(endpoints.model(ECHO, "old"))
    arn = endpoints.describe(name)["EndpointArn"]
    endpoints.sagemaker.update_endpoint(
        EndpointName=name,
        EndpointConfigName=endpoints.config(endpoints.model(ECHO, "new")),
        DeploymentConfig=blue_green("ALL_AT_ONCE", wait_s=WAIT_S, termination_s=WAIT_S),
    )
    wait_until(lambda: endpoints.invoke(name)["model"] == "new")
    baking = endpoints.describe(name)
    assert baking["EndpointStatus"] == "Updating"
    variant = baking["PendingDeploymentSummary"]["ProductionVariants"][0]
    assert variant["VariantStatus"][0]["Status"] == "Baking"
    endpoints.settled(name)
    both = len(endpoints.aws.processes("container", arn))
    wait_until(lambda: len(endpoints.aws.processes("container", arn)) == both / 2)
    endpoints.delete(name)


def test_an_alarm_rolls_back(endpoints: Endpoints) -> None:
    alarm = unique("alarm")
    cloudwatch = endpoints.aws.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=alarm, MetricName="m", Namespace="n", Statistic="Average", Period=60,
        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    name = endpoints.in_service(endpoints.model(ECHO, "old"))
    endpoints.sagemaker.update_endpoint(
        EndpointName=name,
        EndpointConfigName=endpoints.config(endpoints.model(ECHO, "new")),
        DeploymentConfig={
            **blue_green("ALL_AT_ONCE", wait_s=60),
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm}]},
        },
    )
    wait_until(lambda: endpoints.invoke(name)["model"] == "new")
    cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="a test")
    endpoint = endpoints.settled(name)
    assert alarm in endpoint["FailureReason"]
    assert "PendingDeploymentSummary" not in endpoint
    assert {endpoints.invoke(name)["model"] for _ in range(10)} == {"old"}
    endpoints.delete(name)


def test_retained_properties(endpoints: Endpoints) -> None:
    config = endpoints.config(endpoints.model(ECHO, "old"))
    name = endpoints.create(config)
    endpoints.settled(name)
    endpoints.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name,
        DesiredWeightsAndCapacities=[
            {"VariantName": "variant-0", "DesiredWeight": 5, "DesiredInstanceCount": 2}
        ],
    )
    endpoints.settled(name)
    update = {"EndpointName": name, "EndpointConfigName": config, "RetainAllVariantProperties": True}
    endpoints.sagemaker.update_endpoint(
        **update, ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredInstanceCount"}]
    )
    variant = endpoints.settled(name)["ProductionVariants"][0]
    assert (variant["CurrentWeight"], variant["CurrentInstanceCount"]) == (5.0, 1)
    endpoints.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config)
    variant = endpoints.settled(name)["ProductionVariants"][0]
    assert (variant["CurrentWeight"], variant["CurrentInstanceCount"]) == (1.0, 1)
    endpoints.delete(name)


def test_deployments_that_contradict_themselves(endpoints: Endpoints) -> None:
    config = endpoints.config(endpoints.model(ECHO))
    name = endpoints.create(config)
    endpoints.settled(name)
    refused: list[tuple[dict[str, Any], str]] = [
        (blue_green("CANARY"), "CanarySize must be specified"),
        (blue_green("ALL_AT_ONCE", CanarySize=percent(10)), "CanarySize must not be specified"),
        (blue_green("CANARY", CanarySize=percent(60)), "at most 50%"),
        (blue_green("LINEAR", LinearStepSize=percent(5)), "10% to 50%"),
    ]
    for deployment, message in refused:
        with pytest.raises(ClientError, match=message) as error:
            endpoints.sagemaker.update_endpoint(
                EndpointName=name, EndpointConfigName=config, DeploymentConfig=deployment
            )
        assert error.value.response["Error"]["Code"] == "ValidationException"
    assert endpoints.describe(name)["EndpointStatus"] == "InService"
    endpoints.delete(name)
