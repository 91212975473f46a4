from __future__ import annotations

from embedded_aws.endpoints import lifecycle
from embedded_aws.store.resources import Document


def plan(config: str) -> Document:
    variant = {"name": "v", "weight": 1.0, "count": 2, "container": {"Image": "i"}}
    return {"config": config, "variants": [variant]}


def in_service() -> Document:
    endpoint = lifecycle.new("e", "arn", plan("one"), 1.0)
    lifecycle.switch(endpoint, 2.0)
    return endpoint


def test_creation() -> None:
    endpoint = lifecycle.new("e", "arn", plan("one"), 1.0)
    assert endpoint["EndpointStatus"] == "Creating"
    assert [fleet["generation"] for fleet in lifecycle.plans(endpoint)] == [1]
    lifecycle.switch(endpoint, 2.0)
    assert endpoint["EndpointStatus"] == "InService"
    assert endpoint["ProductionVariants"][0]["CurrentInstanceCount"] == 2


def test_failed_creation() -> None:
    endpoint = lifecycle.new("e", "arn", plan("one"), 1.0)
    lifecycle.abandon(endpoint, "no ping")
    assert (endpoint["EndpointStatus"], endpoint["FailureReason"]) == ("Failed", "no ping")
    assert lifecycle.plans(endpoint) == []


def test_update_moves_when_healthy() -> None:
    endpoint = in_service()
    lifecycle.ask_to_update(endpoint, plan("two"), 3.0)
    assert endpoint["EndpointStatus"] == "Updating"
    assert endpoint["EndpointConfigName"] == "one"
    assert endpoint["PendingDeploymentSummary"]["EndpointConfigName"] == "two"
    assert [fleet["generation"] for fleet in lifecycle.plans(endpoint)] == [1, 2]
    lifecycle.switch(endpoint, 4.0)
    assert endpoint["EndpointConfigName"] == "two"
    assert "PendingDeploymentSummary" not in endpoint


def test_rollback_keeps_the_old_fleet_and_the_next_update_is_another_generation() -> None:
    endpoint = in_service()
    lifecycle.ask_to_update(endpoint, plan("bad"), 3.0)
    lifecycle.abandon(endpoint, "no ping")
    assert endpoint["EndpointStatus"] == "RollingBack"
    lifecycle.finish_rollback(endpoint)
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", "one")
    assert endpoint["FailureReason"] == "no ping"
    lifecycle.ask_to_update(endpoint, plan("three"), 5.0)
    assert [fleet["generation"] for fleet in lifecycle.plans(endpoint)] == [1, 3]
    lifecycle.abandon(endpoint, "again")
    lifecycle.finish_rollback(endpoint)
    lifecycle.ask_to_update(endpoint, plan("four"), 6.0)
    assert [fleet["generation"] for fleet in lifecycle.plans(endpoint)] == [1, 4]
    lifecycle.switch(endpoint, 7.0)
    assert "FailureReason" not in endpoint


def test_scaling() -> None:
    endpoint = in_service()
    lifecycle.ask_to_scale(endpoint, {"v": {"weight": 2.0, "count": 5}})
    summary = endpoint["ProductionVariants"][0]
    assert (endpoint["EndpointStatus"], summary["DesiredInstanceCount"]) == ("Updating", 5)
    assert (summary["CurrentInstanceCount"], lifecycle.scaled(endpoint)["variants"][0]["count"]) == (2, 5)
    lifecycle.finish_scaling(endpoint)
    assert (endpoint["EndpointStatus"], summary["CurrentInstanceCount"]) == ("InService", 5)
    lifecycle.ask_to_scale(endpoint, {"v": {"weight": 1.0, "count": 9}})
    lifecycle.abandon_scaling(endpoint, "no room")
    assert (summary["DesiredInstanceCount"], summary["DesiredWeight"]) == (5, 2.0)
    assert (endpoint["EndpointStatus"], endpoint["FailureReason"]) == ("InService", "no room")
    assert lifecycle.scaled(endpoint)["variants"][0]["count"] == 5
