"""Our own training scripts, in the script mode of Amazon's framework containers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from idc import layout
from idc.jobs import source
from idc.jobs.training import RECORDIO, Channel, TrainingPlan
from idc.variants.hyperparameters import LOG, REVERSE, Field, Range
from idc.variants.variant import TRAINED_ON, Variant, common

if TYPE_CHECKING:  # the DAG files read the variants: boto3 must not be imported
    from idc.converter.index import DatasetIndex
    from idc.settings import Settings
    from idc.storage import ObjectStore

CONTENT_TYPES = {layout.RECORDIO: RECORDIO}
# What our scripts print once an epoch, such as `epoch=3 train:loss=0.4012 …`.
METRICS = (
    "train:loss",
    "train:accuracy",
    "validation:loss",
    "validation:accuracy",
    "validation:balanced_accuracy",
    "validation:roc_auc",
    "images_per_second",
)
FIELDS = (
    Field(
        name="epochs",
        hyperparameter="epochs",
        kind="integer",
        title="Epochs, our scripts",
        description="Passes over the training patches.",
        schema={"minimum": 1, "maximum": 1000},
        setting="epochs",
    ),
    Field(
        name="batch_size",
        hyperparameter="batch-size",
        kind="integer",
        title="Batch size, our scripts",
        description="Patches per step.",
        schema={"minimum": 1, "maximum": 4096},
        is_tuned=True,
        setting="batch_size",
    ),
    Field(
        name="learning_rate",
        hyperparameter="learning-rate",
        kind="number",
        title="Learning rate, our scripts",
        description="The highest rate of the schedule.",
        schema={"exclusiveMinimum": 0, "maximum": 1},
        is_tuned=True,
        setting="learning_rate",
    ),
    Field(
        name="seed",
        hyperparameter="seed",
        kind="integer",
        title="Seed, our scripts",
        description="Decides initial weights, order and augmentation.",
        schema={"minimum": 0, "maximum": 2**31 - 1},
        setting="seed",
    ),
)
RANGES = (
    Range("batch-size", 16, 128, LOG, is_integer=True),
    Range("learning-rate", 0.005, 0.3, LOG),
    Range("momentum", 0.8, 0.99, REVERSE),
    Range("weight-decay", 1e-5, 0.01, LOG),
    Range("dropout", 0.0, 0.6),
    Range("stain-jitter", 0.0, 0.4),
    Range("colour-jitter", 0.0, 0.2),
)


@dataclass(frozen=True, kw_only=True)
class Script(Variant):
    """A framework's scripts in `training_scripts/<name>/`, and the records they read.

    `serving_script` is what the inference container has to be told to run from the artifact's `code/`, empty
    for a container that knows.
    """

    is_script: ClassVar[bool] = True
    fields: tuple[Field, ...] = FIELDS
    ranges: tuple[Range, ...] = RANGES
    objective: str = "validation:roc_auc"  # needs no threshold, which is chosen after the training
    metrics: tuple[str, ...] = METRICS
    record_format: str = layout.RECORDIO
    input_mode: str = "File"
    serving_script: str = ""

    def training_plan(
        self,
        store: ObjectStore,
        settings: Settings,
        index: DatasetIndex,
        hyperparameters: Mapping[str, Any],
    ) -> TrainingPlan:
        """Return the training job, after uploading its scripts."""
        digest = index.dataset_digest
        return TrainingPlan(
            image=self.training_image.uri(settings),
            channels=tuple(self._channel(store, digest, split) for split in TRAINED_ON),
            hyperparameters={**hyperparameters, "dataset-digest": digest},
            estimator=self.estimator,
            estimator_options=self.estimator_options,
            source=source.upload_archive(store, source.training_source(self.name)),
            input_mode=self.input_mode,
            metrics=self.metrics,
            **common(store, settings),
        )

    def container(self, settings: Settings, model_data: str) -> dict[str, Any]:
        """Return the framework's inference container; the artifact carries the serving script."""
        return {
            "Image": self.inference_image.uri(settings),
            "ModelDataUrl": model_data,
            "Environment": self._serving(settings.region) if self.serving_script else {},
        }

    def _serving(self, region: str) -> dict[str, str]:
        return {
            "SAGEMAKER_PROGRAM": self.serving_script,
            "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
            "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
            "SAGEMAKER_REGION": region,
        }

    def _channel(self, store: ObjectStore, dataset_digest: str, split: str) -> Channel:
        prefix = store.uri(layout.split_prefix(dataset_digest, split, self.record_format))
        content_type = CONTENT_TYPES.get(self.record_format)
        return Channel(split, prefix, input_mode=self.input_mode, content_type=content_type)
