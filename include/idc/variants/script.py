"""Our own training scripts, in the script mode of Amazon's framework containers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from idc import layout
from idc.jobs import source
from idc.jobs.training import METRICS, RECORDIO, Channel, TrainingPlan
from idc.variants.variant import TRAINED_ON, Variant, common

if TYPE_CHECKING:  # the DAG files read the variants: boto3 must not be imported
    from idc.converter.index import DatasetIndex
    from idc.settings import Settings
    from idc.storage import ObjectStore

CONTENT_TYPES = {layout.RECORDIO: RECORDIO}


@dataclass(frozen=True, kw_only=True)
class Script(Variant):
    """A framework's scripts in `training_scripts/<name>/`, and the records they read.

    `serving_script` is what the inference container has to be told to run from the artifact's `code/`, empty
    for a container that knows.
    """

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
            image=getattr(settings, f"{self.name}_training_image"),
            channels=tuple(self._channel(store, digest, split) for split in TRAINED_ON),
            hyperparameters={**hyperparameters, "dataset-digest": digest},
            estimator=self.estimator,
            source=source.upload_archive(store, source.training_source(self.name)),
            input_mode=self.input_mode,
            metrics=METRICS,
            **common(store, settings),
        )

    def container(self, settings: Settings, model_data: str) -> dict[str, Any]:
        """Return the framework's inference container; the artifact carries the serving script."""
        return {
            "Image": getattr(settings, f"{self.name}_inference_image"),
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
