"""Training job definitions of a tuning job: ranges, objective, and the requests made from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from embedded_aws.store.resources import Document
from embedded_aws.tuning import ranges
from embedded_aws.tuning.ranges import Range

OBJECTIVE_HYPERPARAMETER = "_tuning_objective_metric"
# What a training job's request takes over from its definition as it stands.
TAKEN_OVER = (
    "AlgorithmSpecification",
    "RoleArn",
    "InputDataConfig",
    "VpcConfig",
    "OutputDataConfig",
    "StoppingCondition",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "CheckpointConfig",
    "RetryStrategy",
    "Environment",
)


@dataclass(frozen=True)
class Definition:
    """One training job definition; `name` is empty where the tuning job has only one, without a name."""

    name: str
    document: Document
    ranges_request: Document
    objective: Document

    @cached_property
    def ranges(self) -> list[Range]:
        """What is searched.

        Raises:
            ValidationException: a range is impossible.
        """
        return ranges.parse(self.ranges_request)

    @property
    def metric(self) -> str:
        """The name of the objective metric."""
        return str(self.objective["MetricName"])

    @property
    def is_maximized(self) -> bool:
        """Whether the largest objective is the best."""
        return bool(self.objective["Type"] == "Maximize")

    @property
    def static(self) -> dict[str, str]:
        """The hyperparameters all its jobs have alike; the service adds the name of the objective."""
        return {**self.document.get("StaticHyperParameters", {}), OBJECTIVE_HYPERPARAMETER: self.metric}

    def described(self) -> Document:
        """The definition as a description has it."""
        return {**self.document, "StaticHyperParameters": self.static}

    def request(self, job_name: str, tuned: Mapping[str, str]) -> Document:
        """The `CreateTrainingJob` request of one job."""
        request = {name: self.document[name] for name in TAKEN_OVER if name in self.document}
        return {
            **request,
            "TrainingJobName": job_name,
            "ResourceConfig": self._resources(),
            "HyperParameters": {**self.static, **tuned},
        }

    def _resources(self) -> Document:
        """Where the jobs run: of several instance configurations, the first."""
        tuning = self.document.get("HyperParameterTuningResourceConfig")
        if tuning is None:
            return dict(self.document.get("ResourceConfig", {}))
        first = tuning.get("InstanceConfigs", [tuning])[0]
        members = ("InstanceType", "InstanceCount", "VolumeSizeInGB")
        resources = {name: first[name] for name in members if name in first}
        key = tuning.get("VolumeKmsKeyId")
        return {**resources, "VolumeKmsKeyId": key} if key else resources


def described(tuning_job: Document) -> Document:
    """The members of a tuning job that hold its definitions, as a description has them."""
    own = [definition.described() for definition in definitions(tuning_job)]
    if "TrainingJobDefinition" in tuning_job:
        return {"TrainingJobDefinition": own[0]}
    return {"TrainingJobDefinitions": own}


def definitions(tuning_job: Document) -> list[Definition]:
    """The definitions of a tuning job's request or document."""
    config = tuning_job["HyperParameterTuningJobConfig"]
    if "TrainingJobDefinition" in tuning_job:
        document = tuning_job["TrainingJobDefinition"]
        own_ranges = config.get("ParameterRanges") or document.get("HyperParameterRanges", {})
        objective = config.get("HyperParameterTuningJobObjective") or document.get("TuningObjective", {})
        return [Definition(document.get("DefinitionName", ""), document, own_ranges, objective)]
    return [
        Definition(
            document.get("DefinitionName", ""),
            document,
            document.get("HyperParameterRanges", {}),
            document.get("TuningObjective", {}),
        )
        for document in tuning_job.get("TrainingJobDefinitions", [])
    ]
