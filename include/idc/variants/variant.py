"""Declare what a variant is: how it is trained, served and shown."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from idc.jobs.training import Machine, TrainingPlan
from idc.variants.hyperparameters import Field, Range
from idc.variants.images import Image

if TYPE_CHECKING:  # the DAG files read the variants: boto3 must not be imported
    from idc.converter.index import DatasetIndex
    from idc.settings import Settings
    from idc.storage import ObjectStore

TRAINED_ON = ("train", "validation")


@dataclass(frozen=True)
class Runtime:
    """How a machine without containers runs a variant's images.

    `environment` is the Python environment, as `requirements/` names it. `algorithm` names the local twin of
    an image that brings its own code; `server` the program that serves in place of the image's own.
    """

    environment: str
    algorithm: str = ""
    server: str = ""


@dataclass(frozen=True)
class Transfer:
    """How a variant learns by transfer.

    `full_training` names the variant that trains the same algorithm in full. A model that training begins
    with has the same hyperparameters `network`; `pretrained` are those that ask for pretrained weights.
    """

    full_training: str
    network: tuple[str, ...]
    pretrained: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Variant(ABC):
    """One way to train and serve a model.

    `label` is its name in charts, `algorithm` what the model card says of it. `colour` and `dark_colour` are
    CSS colours for the light and the dark theme; `marker` is one of matplotlib's `o s D ^ v P X *`. Tables
    list variants by `order`, then by name. `estimator` is the SDK class that makes the training request, such
    as `sagemaker.mxnet.MXNet`, with `estimator_options` of its own; empty: this library makes the request.
    A variant without a tuning of its own takes that of the variant `tuned_like`.
    The trigger form has `fields`. A search varies `ranges` and maximizes `objective`. The log reports
    `metrics` as `name=<number>`; none: the image defines its own. `transfer` is None for a variant
    that always trains in full.
    """

    name: str
    label: str
    algorithm: str
    colour: str
    dark_colour: str
    marker: str
    order: int = 100
    tuned_like: str = ""
    estimator: str = ""
    transfer: Transfer | None = None
    estimator_options: Mapping[str, Any] = field(default_factory=dict)
    training_image: Image
    inference_image: Image
    runtime: Runtime
    fields: tuple[Field, ...]
    ranges: tuple[Range, ...]
    objective: str
    metrics: tuple[str, ...] = ()
    is_script: ClassVar[bool] = False  # script mode: hyperparameters are JSON

    def defaults(self, settings: Settings) -> dict[str, Any]:
        """Return the hyperparameters of an empty form."""
        return {
            one.hyperparameter: getattr(settings, one.setting) if one.setting else one.default
            for one in self.fields
        }

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
    def container(self, settings: Settings, model_data: str) -> dict[str, Any]:
        """Return the container that serves the artifact at `model_data`, as `CreateModel` takes it."""


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
