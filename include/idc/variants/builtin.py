"""Amazon's built-in image classification, fed by pipes.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/IC-Hyperparameter.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from idc import layout
from idc.jobs.training import RECORDIO, Channel, TrainingPlan
from idc.variants.hyperparameters import LOG, REVERSE, Field, Range
from idc.variants.images import ACCOUNTS, Image
from idc.variants.variant import TRAINED_ON, Runtime, Variant, common

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
# What an earlier model must have in common with the one that begins with it.
NETWORK = ("num_layers", "image_shape", "num_classes")
# The pretrained networks are those for large images, so patches are enlarged.
PRETRAINED: dict[str, Any] = {
    "use_pretrained_model": 1,
    "num_layers": 18,
    "image_shape": "3,224,224",
    "resize": 256,
}
# After which shares of the epochs the learning rate falls.
STEPS = (0.6, 0.85)

RUNTIME = Runtime("mxnet", algorithm="image-classification")
IMAGE = Image("image-classification", "1", "BUILTIN_IMAGE", ACCOUNTS)
FIELDS = (
    Field(
        name="builtin_epochs",
        hyperparameter="epochs",
        kind="integer",
        title="Epochs, built-in algorithm",
        description="Passes over the training patches.",
        schema={"minimum": 1, "maximum": 1000},
        setting="builtin_epochs",
    ),
    Field(
        name="builtin_batch_size",
        hyperparameter="mini_batch_size",
        kind="integer",
        title="Batch size, built-in algorithm",
        description="Patches per step.",
        schema={"minimum": 1, "maximum": 4096},
        is_tuned=True,
        setting="builtin_mini_batch_size",
    ),
    Field(
        name="builtin_learning_rate",
        hyperparameter="learning_rate",
        kind="number",
        title="Learning rate, built-in algorithm",
        description="The highest rate of the schedule.",
        schema={"exclusiveMinimum": 0, "maximum": 1},
        is_tuned=True,
        setting="builtin_learning_rate",
    ),
    Field(
        name="builtin_optimizer",
        hyperparameter="optimizer",
        kind="string",
        title="Optimizer, built-in algorithm",
        description="How the weights follow the gradient.",
        schema={"enum": [None, "sgd", "adam", "rmsprop", "nag"]},
        is_tuned=True,
        setting="builtin_optimizer",
    ),
)
# Narrower than the service's recommendation: a search of a dozen jobs has to find something.
# Source: https://docs.aws.amazon.com/sagemaker/latest/dg/IC-tuning.html
RANGES = (
    Range("mini_batch_size", 16, 128, LOG, is_integer=True),
    Range("learning_rate", 0.0005, 0.2, LOG),
    Range("optimizer", values=("sgd", "adam", "rmsprop", "nag")),
    Range("beta_1", 0.8, 0.99, REVERSE),
    Range("beta_2", 0.9, 0.9999, REVERSE),
    Range("eps", 1e-8, 1e-4, LOG),
    Range("gamma", 0.8, 0.99, REVERSE),
    Range("momentum", 0.5, 0.99, REVERSE),
    Range("weight_decay", 1e-5, 0.01, LOG),
)


@dataclass(frozen=True, kw_only=True)
class Builtin(Variant):
    """The built-in algorithm: RecordIO by Pipe mode, hyperparameters as plain texts."""

    algorithm: str = "Amazon SageMaker image classification (ResNet)"
    training_image: Image = IMAGE
    inference_image: Image = IMAGE
    runtime: Runtime = RUNTIME
    fields: tuple[Field, ...] = FIELDS
    ranges: tuple[Range, ...] = RANGES
    objective: str = "validation:accuracy"  # the only metric it reports of validation

    def training_plan(
        self,
        store: ObjectStore,
        settings: Settings,
        index: DatasetIndex,
        hyperparameters: Mapping[str, Any],
    ) -> TrainingPlan:
        """Return the training job; its channels name the records files one by one and leave the lists out."""
        return TrainingPlan(
            image=self.training_image.uri(settings),
            channels=tuple(_channel(store, index.dataset_digest, split) for split in TRAINED_ON),
            hyperparameters={
                **FIXED,
                "num_training_samples": index.splits["train"].patches,
                "lr_scheduler_step": steps(hyperparameters["epochs"]),
                **hyperparameters,
            },
            input_mode=PIPE,
            estimator=self.estimator,
            estimator_options=self.estimator_options,
            **common(store, settings),
        )

    def container(self, settings: Settings, model_data: str) -> dict[str, Any]:
        """Return the algorithm's own container, which needs to be told nothing."""
        return {"Image": self.inference_image.uri(settings), "ModelDataUrl": model_data, "Environment": {}}


def steps(epochs: int) -> str:
    """Return the epochs after which the rate falls, in rising order, such as `8,12`."""
    return ",".join(map(str, sorted({max(1, round(share * epochs)) for share in STEPS})))


def _channel(store: ObjectStore, dataset_digest: str, split: str) -> Channel:
    manifest = store.uri(layout.channel_manifest(dataset_digest, split))
    return Channel(split, manifest, input_mode=PIPE, data_type=MANIFEST, content_type=RECORDIO)
