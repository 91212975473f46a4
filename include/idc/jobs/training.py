"""A training job before it is anybody's request, and the request that boto3 takes as it is.

The same plan becomes a request in two ways: written out here, member by member, or by an estimator of the
SageMaker Python SDK 2 (`idc.variants.sdk`). For equal plans the two are equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

RECORDIO, SAGEMAKER_MODEL = "application/x-recordio", "application/x-sagemaker-model"
# How training begins: with random weights, pretrained ones, or those of an earlier model.
FULL, PRETRAINED, INCREMENTAL = "", "pretrained", "incremental"
STARTS = {
    FULL: "full training",
    PRETRAINED: "transfer learning from pretrained weights",
    INCREMENTAL: "incremental training",
}


@dataclass(frozen=True)
class Start:
    """How a training begins; the rest says which model it begins with, and the datasets behind that one."""

    kind: str = FULL
    training_job: str = ""
    partition: str = ""
    model_data: str = ""
    datasets: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the start that was handed on as plain values."""
        return cls(**{**values, "datasets": tuple(values["datasets"])})

    def __str__(self) -> str:
        """Return the start for a log."""
        model = f" from {self.training_job} of {self.partition}" if self.training_job else ""
        return f"{STARTS[self.kind]}{model}"


@dataclass(frozen=True)
class Channel:
    """What a job reads under one name: `data_type` says whether `uri` is a prefix or a manifest."""

    name: str
    uri: str
    input_mode: str = "File"
    data_type: str = "S3Prefix"
    content_type: str | None = None


@dataclass(frozen=True)
class Machine:
    """What a job runs on, and for how long at most."""

    instance_type: str
    instance_count: int
    volume_gb: int
    max_runtime_s: int


@dataclass(frozen=True)
class TrainingPlan:
    """A training job.

    `estimator` names the SDK's class that makes the request, with its `estimator_options`; empty where it is
    written by hand. `source` is
    the URI of a sourcedir.tar.gz with a train.py, empty for an algorithm that brings its own code.
    """

    image: str
    role_arn: str
    region: str
    channels: tuple[Channel, ...]
    hyperparameters: Mapping[str, Any]
    output: str
    machine: Machine
    input_mode: str = "File"
    estimator: str = ""
    estimator_options: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    metrics: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain values that a task can hand to the next."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the plan that `to_dict` wrote."""
        channels = tuple(Channel(**channel) for channel in values["channels"])
        parts = {"channels": channels, "machine": Machine(**values["machine"])}
        return cls(**{**values, **parts, "metrics": tuple(values["metrics"])})


def training_request(plan: TrainingPlan) -> dict[str, Any]:
    """Return a `CreateTrainingJob` request without a name, for an algorithm that brings its own code.

    Hyperparameters are plain texts, as Amazon's own algorithms read them.
    """
    return {
        "AlgorithmSpecification": {"TrainingImage": plan.image, "TrainingInputMode": plan.input_mode},
        "RoleArn": plan.role_arn,
        "InputDataConfig": [_channel(channel) for channel in plan.channels],
        "OutputDataConfig": {"S3OutputPath": plan.output},
        "ResourceConfig": {
            "InstanceType": plan.machine.instance_type,
            "InstanceCount": plan.machine.instance_count,
            "VolumeSizeInGB": plan.machine.volume_gb,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": plan.machine.max_runtime_s},
        "HyperParameters": {name: str(value) for name, value in plan.hyperparameters.items()},
    }


def metric_definition(name: str) -> dict[str, str]:
    """Return the definition that reads `name=<number>` from a log line, and no longer name's value."""
    return {"Name": name, "Regex": rf"(?:^|\s){name}=([0-9.eE+-]+|nan|inf)"}


def _channel(channel: Channel) -> dict[str, Any]:
    source = {
        "S3DataType": channel.data_type,
        "S3Uri": channel.uri,
        "S3DataDistributionType": "FullyReplicated",
    }
    described: dict[str, Any] = {
        "ChannelName": channel.name,
        "DataSource": {"S3DataSource": source},
        "InputMode": channel.input_mode,
    }
    return {**described, "ContentType": channel.content_type} if channel.content_type else described
