"""What every variant has to say of itself: how it is trained, and what container serves its model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from idc.converter.index import DatasetIndex
from idc.jobs.training import Machine, TrainingPlan
from idc.settings import Settings
from idc.storage import ObjectStore
from idc.train.candidates import Candidate

TRAINED_ON = ("train", "validation")


@dataclass(frozen=True)
class Variant(ABC):
    """One way to a model; `estimator` is the SDK's class that makes the request, empty for none."""

    name: str
    estimator: str = ""

    @abstractmethod
    def training_plan(
        self,
        store: ObjectStore,
        settings: Settings,
        index: DatasetIndex,
        hyperparameters: Mapping[str, Any],
    ) -> TrainingPlan:
        """Return the training job on a dataset, after uploading its code if any; it sees no test patient."""

    @abstractmethod
    def container(self, settings: Settings, candidate: Candidate) -> dict[str, Any]:
        """Return the container that serves the candidate, as `CreateModel` wants it."""


def common(store: ObjectStore, settings: Settings) -> dict[str, Any]:
    """Return what all training plans have in common."""
    machine = Machine(
        settings.training_instance_type,
        settings.training_instance_count,
        settings.training_volume_gb,
        settings.training_max_runtime_s,
    )
    return {
        "role_arn": settings.role_arn,
        "region": settings.region,
        "output": store.uri("jobs"),
        "machine": machine,
    }
