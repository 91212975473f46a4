"""The stage snapshot → dataset: is there work to do, and what came of it."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from typing import Any

from idc import layout
from idc.convert.job import conversion_spec, digest_of_dataset
from idc.converter.conversion import ConversionSettings
from idc.converter.given_split import store_split
from idc.converter.index import DatasetIndex, find_index, verify_dataset
from idc.errors import MissingObject
from idc.ingest.http_responses import address
from idc.ingest.snapshot import point_to_dataset
from idc.ingest.sources import open_source
from idc.jobs.spec import JobSpec
from idc.settings import Settings
from idc.storage import ObjectStore

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ConversionPlan:
    """The dataset that a snapshot becomes, and the job that makes it; None if nothing is to be done."""

    dataset_digest: str
    spec: JobSpec | None

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain values for the next task."""
        return {"dataset_digest": self.dataset_digest, "spec": self.spec and self.spec.to_dict()}


def plan(
    store: ObjectStore,
    settings: Settings,
    *,
    dag_id: str,
    partition: str,
    options: ConversionSettings,
    split: str | None = None,
    instances: int | None = None,
    rebuild: str = "",
) -> ConversionPlan:
    """Return the dataset to be and the job that makes it; there is no job if the dataset is there and whole.

    Args:
        store: the product's bucket.
        settings: of the product.
        dag_id: of the run.
        partition: whose snapshot is converted.
        options: what decides the dataset's bytes.
        split: the address of a CSV of patients and their splits, which takes the place of seed and shares.
        instances: how many share the work; None takes the setting.
        rebuild: names this request to make the dataset anew; empty if it is none.

    Raises:
        MissingObject: the partition has no snapshot.
        CorruptShard: the dataset is there, but a file of it is not what the index says.
        ConfigurationError, LeakageError: the given split is no split.
    """
    if split:
        name = address(split)
        digest = store_split(open_source(split, store).blocks(), name, store)
        log.info("The split is given by %s, SHA-256 %s: seed and shares do not decide it.", name, digest)
        options = replace(options, split_sha256=digest)
    digest = digest_of_dataset(store, settings, partition, options)
    if rebuild:
        _unpublish(store, digest)
    elif (index := find_index(store, digest)) is not None:
        _verify(store, index)
        log.info("Dataset %s exists: same snapshot, code, image and settings. No job is run.", digest)
        return ConversionPlan(digest, None)
    log.info("Dataset %s does not exist yet: a job converts the snapshot of %s.", digest, partition)
    spec = conversion_spec(
        store,
        settings,
        dag_id=dag_id,
        partition=partition,
        dataset_digest=digest,
        options=options,
        instances=instances or settings.processing_instance_count,
        rebuild=rebuild,
    )
    return ConversionPlan(digest, spec)


def publish(store: ObjectStore, *, partition: str, dataset_digest: str) -> dict[str, Any]:
    """Make the dataset the partition's own, and return what is in it.

    Raises:
        MissingObject: the dataset has no index, so it does not exist.
    """
    index = find_index(store, dataset_digest)
    if index is None:
        observed = "its job has completed, but there is no index.json"
        action = "Somebody removed it: run idc_convert for the partition with `rebuild`."
        raise MissingObject("dataset", dataset_digest, observed, "an index", action)
    point_to_dataset(store, partition, dataset_digest)
    for split, summary in index.splits.items():
        log.info(
            "%s: %d patches of %d patients, %s", split, summary.patches, summary.patients, summary.classes
        )
    log.info("Quarantined: %d. Padded: %d. Excluded: %d.", index.quarantined, index.padded, index.excluded)
    return {
        "dataset_digest": dataset_digest,
        "patches": {split: summary.patches for split, summary in index.splits.items()},
        "patients": {split: summary.patients for split, summary in index.splits.items()},
        "quarantined": index.quarantined,
        "synthetic": index.synthetic,
    }


def _verify(store: ObjectStore, index: DatasetIndex) -> None:
    """Read all of a dataset before it is taken for what its index says."""
    started = time.monotonic()
    log.info(
        "Dataset %s has an index: reading all %d files, %.1f MB, back before it is reused.",
        index.dataset_digest,
        len(index.files),
        index.size_bytes / 1e6,
    )
    verify_dataset(store, index)
    log.info("Every file is what the index says; it took %.1f s.", time.monotonic() - started)


def _unpublish(store: ObjectStore, dataset_digest: str) -> None:
    """Delete a dataset's index and the reports of its shards: from then on nothing of it is finished.

    The other files stay until they are written again, with the same bytes: models may be training on them.
    """
    store.delete(layout.index(dataset_digest))
    for key in list(store.keys(layout.parts_prefix(dataset_digest))):
        store.delete(key)
    log.warning("Dataset %s is made anew: until then it has no index.", dataset_digest)
