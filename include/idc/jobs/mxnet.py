"""The variant `mxnet`, a Gluon network in script mode: its training job, test predictions and endpoint."""

from __future__ import annotations

from collections.abc import Mapping

from idc import layout
from idc.dataset.storage import ObjectStore
from idc.jobs import hosting, source
from idc.jobs.processing import CODE, OUTPUT, processing_request
from idc.jobs.spec import JOB_NAME, JobKind, JobSpec, prefix_of
from idc.jobs.training import RECORDIO, script_request
from idc.registry import Candidate
from idc.settings import Settings

VARIANT = "mxnet"
PREDICTIONS = "predictions"


def training_spec(
    store: ObjectStore,
    settings: Settings,
    *,
    dag_id: str,
    partition: str,
    dataset_digest: str,
    hyperparameters: Mapping[str, object],
) -> JobSpec:
    """Return the training job, after uploading its scripts; it sees no test patient."""
    channels = {
        split: store.uri(layout.split_prefix(dataset_digest, split)) for split in ("train", "validation")
    }
    request = script_request(
        image=settings.mxnet_training_image,
        role_arn=settings.role_arn,
        region=settings.region,
        source=source.upload_archive(store, source.training_source(VARIANT)),
        channels=channels,
        content_type=RECORDIO,
        output=store.uri("jobs"),
        hyperparameters={**hyperparameters, "dataset-digest": dataset_digest},
        instance_type=settings.training_instance_type,
        instance_count=settings.training_instance_count,
        volume_gb=settings.training_volume_gb,
        max_runtime_s=settings.training_max_runtime_s,
    )
    return JobSpec(JobKind.TRAINING, prefix_of(dag_id, partition, VARIANT), request)


def prediction_spec(store: ObjectStore, settings: Settings, *, dag_id: str, candidate: Candidate) -> JobSpec:
    """Return the job that gives every test patch a probability, after uploading its scripts."""
    inputs = {
        "code": source.upload_tree(store, source.training_source(VARIANT)),
        "model": candidate.model_data,
        "test": store.uri(layout.split_prefix(candidate.dataset_digest, "test")),
    }
    request = processing_request(
        image=settings.mxnet_training_image,
        role_arn=settings.role_arn,
        entrypoint=["python3", f"{CODE}/predict.py"],
        arguments=["--output", f"{OUTPUT}/{PREDICTIONS}"],
        inputs=inputs,
        outputs={PREDICTIONS: store.uri(f"jobs/{JOB_NAME}/{PREDICTIONS}")},
        environment={"PYTHONUNBUFFERED": "1", "MODEL_SHA256": candidate.model_sha256},
        instance_type=settings.processing_instance_type,
        instance_count=1,
        volume_gb=settings.processing_volume_gb,
        max_runtime_s=settings.processing_max_runtime_s,
    )
    return JobSpec(JobKind.PROCESSING, prefix_of(dag_id, candidate.partition, VARIANT), request)


def endpoint_spec(settings: Settings, candidate: Candidate) -> hosting.EndpointSpec:
    """Return the endpoint that serves the candidate."""
    model = hosting.script_model(
        image=settings.mxnet_inference_image,
        role_arn=settings.role_arn,
        region=settings.region,
        model_data=candidate.model_data,
        model_sha256=candidate.model_sha256,
    )
    variant = hosting.production_variant(
        instance_type=settings.endpoint_instance_type, instance_count=settings.endpoint_instance_count
    )
    return hosting.EndpointSpec(settings.endpoint_name, model, variant)
