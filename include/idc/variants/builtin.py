"""Amazon's built-in image classification, fed by pipes.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/IC-Hyperparameter.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from idc import layout
from idc.jobs.training import RECORDIO, Channel, TrainingPlan
from idc.variants.variant import TRAINED_ON, Variant, common

if TYPE_CHECKING:  # the DAG files read the variants: boto3 must not be imported
    from idc.converter.index import DatasetIndex
    from idc.settings import Settings
    from idc.storage import ObjectStore

PIPE, MANIFEST = "Pipe", "ManifestFile"
# What patches of 50×50 pixels and two classes need, whatever the trigger form says of the rest.
# The network sees random crops of 44×44, and its nets for small images suit these.
FIXED: dict[str, Any] = {
    "num_classes": 2,
    "image_shape": "3,44,44",
    "num_layers": 20,
    "use_pretrained_model": 0,
    "augmentation_type": "crop",
    "momentum": 0.9,
    "weight_decay": 0.0005,
    "lr_scheduler_factor": 0.1,
}
# After which shares of the epochs the learning rate falls.
STEPS = (0.6, 0.85)


@dataclass(frozen=True, kw_only=True)
class Builtin(Variant):
    """The built-in algorithm: RecordIO by Pipe mode, hyperparameters as plain texts."""

    algorithm: str = "Amazon SageMaker image classification (ResNet)"

    def training_plan(
        self,
        store: ObjectStore,
        settings: Settings,
        index: DatasetIndex,
        hyperparameters: Mapping[str, Any],
    ) -> TrainingPlan:
        """Return the training job; its channels name the records files one by one and leave the lists out."""
        return TrainingPlan(
            image=settings.builtin_image,
            channels=tuple(_channel(store, index.dataset_digest, split) for split in TRAINED_ON),
            hyperparameters={
                **FIXED,
                "num_training_samples": index.splits["train"].patches,
                "lr_scheduler_step": _steps(hyperparameters["epochs"]),
                **hyperparameters,
            },
            input_mode=PIPE,
            estimator=self.estimator,
            **common(store, settings),
        )

    def container(self, settings: Settings, model_data: str) -> dict[str, Any]:
        """Return the algorithm's own container, which needs to be told nothing."""
        return {"Image": settings.builtin_image, "ModelDataUrl": model_data, "Environment": {}}


def _steps(epochs: int) -> str:
    """Return the epochs after which the rate falls, in rising order, such as `8,12`."""
    return ",".join(map(str, sorted({max(1, round(share * epochs)) for share in STEPS})))


def _channel(store: ObjectStore, dataset_digest: str, split: str) -> Channel:
    manifest = store.uri(layout.channel_manifest(dataset_digest, split))
    return Channel(split, manifest, input_mode=PIPE, data_type=MANIFEST, content_type=RECORDIO)
