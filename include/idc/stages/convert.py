"""The stage snapshot → dataset: is there work to do, and what came of it."""

from __future__ import annotations

import logging
from typing import Any

from idc.dataset.conversion import ConversionSettings
from idc.dataset.index import find_index
from idc.dataset.snapshot import point_to_dataset
from idc.dataset.storage import ObjectStore
from idc.errors import MissingObject
from idc.jobs.conversion import conversion_spec, digest_of_dataset
from idc.settings import Settings

log = logging.getLogger(__name__)


def plan(
    store: ObjectStore, settings: Settings, *, dag_id: str, partition: str, options: ConversionSettings
) -> dict[str, Any]:
    """Return the digest of the dataset to be, and the job that makes it, or None where it exists.

    Raises:
        MissingObject: the partition has no snapshot.
    """
    digest = digest_of_dataset(store, settings, partition, options)
    if find_index(store, digest) is not None:
        log.info("Dataset %s exists: same snapshot, code, image and settings. No job is run.", digest)
        return {"dataset_digest": digest, "spec": None}
    log.info("Dataset %s does not exist yet: a job converts the snapshot of %s.", digest, partition)
    spec = conversion_spec(
        store, settings, dag_id=dag_id, partition=partition, dataset_digest=digest, options=options
    )
    return {"dataset_digest": digest, "spec": spec.to_dict()}


def publish(store: ObjectStore, *, partition: str, dataset_digest: str) -> dict[str, Any]:
    """Make the dataset the partition's own, and return what is in it.

    Raises:
        MissingObject: the dataset has no index, so it does not exist.
    """
    index = find_index(store, dataset_digest)
    if index is None:
        observed = "its job has completed, but there is no index.json"
        action = "Somebody removed it: convert with another seed, which is another dataset."
        raise MissingObject("dataset", dataset_digest, observed, "an index", action)
    point_to_dataset(store, partition, dataset_digest)
    for split, summary in index.splits.items():
        log.info(
            "%s: %d patches of %d patients, %s", split, summary.patches, summary.patients, summary.classes
        )
    log.info("Quarantined: %d. Padded: %d.", index.quarantined, index.padded)
    return {
        "dataset_digest": dataset_digest,
        "patches": {split: summary.patches for split, summary in index.splits.items()},
        "patients": {split: summary.patients for split, summary in index.splits.items()},
        "quarantined": index.quarantined,
        "synthetic": index.synthetic,
    }
