"""The processing job that makes a dataset of a snapshot."""

from __future__ import annotations

from idc import layout
from idc.converter.conversion import Conversion, ConversionSettings, dataset_digest
from idc.converter.manifest import read_manifest
from idc.jobs import source
from idc.jobs.processing import CODE, processing_request
from idc.jobs.spec import JobKind, JobSpec, prefix_of
from idc.settings import Settings
from idc.storage import ObjectStore


def digest_of_dataset(
    store: ObjectStore, settings: Settings, partition: str, options: ConversionSettings
) -> str:
    """Return the name of the dataset that the partition's snapshot becomes with this code and these options.

    Raises:
        MissingObject: the partition has no snapshot.
    """
    snapshot = read_manifest(store, partition)
    code = source.converter_source().digest
    return dataset_digest(snapshot.sha256, options, code, settings.processing_image)


def conversion_spec(
    store: ObjectStore,
    settings: Settings,
    *,
    dag_id: str,
    partition: str,
    dataset_digest: str,
    options: ConversionSettings,
    instances: int,
    rebuild: str = "",
) -> JobSpec:
    """Return the job that converts the partition's snapshot, after uploading the converter.

    `rebuild` tells a job that makes the dataset once more from the one that made it: without it the job
    would have the same name, and its result would be that of the first.
    """
    conversion = Conversion(
        archive=store.uri(layout.archive(partition)),
        output=store.uri(layout.dataset_prefix(dataset_digest)),
        dataset_digest=dataset_digest,
        partition=partition,
        settings=options,
        rebuild=rebuild,
    )
    request = processing_request(
        image=settings.processing_image,
        role_arn=settings.role_arn,
        entrypoint=["python3", "-m", "idc.converter.convert"],
        arguments=conversion.arguments(),
        inputs={"code": source.upload_tree(store, source.converter_source())},
        outputs={},
        environment={"PYTHONPATH": CODE, "PYTHONUNBUFFERED": "1"},
        instance_type=settings.processing_instance_type,
        instance_count=instances,
        volume_gb=settings.processing_volume_gb,
        max_runtime_s=settings.processing_max_runtime_s,
    )
    return JobSpec(
        JobKind.PROCESSING,
        prefix_of(dag_id, partition),
        request,
        dataset_digest=dataset_digest,
        # The request has these addresses among the job's arguments, where lineage does not look.
        reads=(conversion.archive,),
        writes=(conversion.output,),
    )
