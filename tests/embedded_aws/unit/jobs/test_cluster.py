from __future__ import annotations

from embedded_aws.jobs.cluster import Instance, instances


def test_instances_of_one_kind() -> None:
    found = instances({"InstanceType": "ml.m5.large", "InstanceCount": 2})
    assert found == [
        Instance("algo-1", "homogeneousCluster", "ml.m5.large"),
        Instance("algo-2", "homogeneousCluster", "ml.m5.large"),
    ]


def test_instances_of_groups_are_counted_through() -> None:
    groups = [
        {"InstanceGroupName": "a", "InstanceType": "ml.m5.large", "InstanceCount": 1},
        {"InstanceGroupName": "b", "InstanceType": "ml.c5.large", "InstanceCount": 2},
    ]
    assert [(entry.host, entry.group) for entry in instances({"InstanceGroups": groups})] == [
        ("algo-1", "a"),
        ("algo-2", "b"),
        ("algo-3", "b"),
    ]
