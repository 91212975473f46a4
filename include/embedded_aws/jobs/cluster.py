"""Instances of a job: host names and instance groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

DEFAULT_GROUP = "homogeneousCluster"


@dataclass(frozen=True)
class Instance:
    """One instance: algo-1, algo-2 … counted through all groups."""

    host: str
    group: str
    type: str


def instances(resources: dict[str, Any]) -> list[Instance]:
    """The instances a training job's ResourceConfig or a processing job's ClusterConfig asks for."""
    groups = resources.get("InstanceGroups") or [{**resources, "InstanceGroupName": DEFAULT_GROUP}]
    kinds = [
        (group["InstanceGroupName"], group.get("InstanceType", "local"))
        for group in groups
        for _ in range(group.get("InstanceCount", 1))
    ]
    return [Instance(f"algo-{number}", *kind) for number, kind in enumerate(kinds, 1)]


def resource_config(cluster: list[Instance], current: Instance, network_interface: str) -> dict[str, Any]:
    """The content of an instance's /opt/ml/input/config/resourceconfig.json."""
    groups = {instance.group: instance.type for instance in cluster}
    return {
        "current_host": current.host,
        "current_instance_type": current.type,
        "current_group_name": current.group,
        "hosts": [instance.host for instance in cluster],
        "instance_groups": [
            {
                "instance_group_name": group,
                "instance_type": instance_type,
                "hosts": [instance.host for instance in cluster if instance.group == group],
            }
            for group, instance_type in groups.items()
        ],
        "network_interface_name": network_interface,
    }
