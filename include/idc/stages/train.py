"""The stage dataset → candidates: one training job a variant, and the record of what it made."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from idc import registry
from idc.dataset.storage import ObjectStore
from idc.jobs import mxnet
from idc.jobs.results import trained_candidate
from idc.settings import Settings

log = logging.getLogger(__name__)

VARIANTS = (mxnet.VARIANT,)


def plan(
    store: ObjectStore,
    settings: Settings,
    *,
    dag_id: str,
    partition: str,
    hyperparameters: Mapping[str, object],
) -> list[dict[str, Any]]:
    """Return a training job for each variant, and beside it what the record of its candidate needs to know.

    Raises:
        MissingObject: the partition has no dataset.
    """
    digest = registry.dataset_digest(store, partition)
    log.info("Dataset %s of the partition %s, %s", digest, partition, dict(hyperparameters))
    spec = mxnet.training_spec(
        store,
        settings,
        dag_id=dag_id,
        partition=partition,
        dataset_digest=digest,
        hyperparameters=hyperparameters,
    )
    return [{"variant": mxnet.VARIANT, "dataset_digest": digest, **spec.to_dict()}]


def record(
    store: ObjectStore,
    *,
    partition: str,
    planned: Iterable[Mapping[str, Any]],
    jobs: Iterable[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Write a candidate.json for the job of each variant; return what tells them apart."""
    facts = []
    for plan, job in zip(planned, jobs, strict=True):
        candidate = trained_candidate(
            store,
            variant=plan["variant"],
            partition=partition,
            dataset_digest=plan["dataset_digest"],
            job=job,
        )
        registry.write_candidate(store, candidate)
        log.info("Candidate %s of %s: %s", candidate.variant, partition, candidate.model_data)
        facts.append(
            {"variant": candidate.variant, "job": job["job"], "model_sha256": candidate.model_sha256}
        )
    return facts
