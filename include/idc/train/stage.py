"""The stage dataset → candidates: one training job a variant, and the record of what it made."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from idc.converter.index import DatasetIndex, verify_dataset
from idc.jobs.spec import digest_of, prefix_of
from idc.settings import Settings
from idc.storage import ObjectStore
from idc.train import candidates, defaults
from idc.train.options import TrainingOptions
from idc.train.results import trained_candidate
from idc.variants.all import variant

log = logging.getLogger(__name__)


def plan(
    store: ObjectStore,
    settings: Settings,
    *,
    dag_id: str,
    partition: str,
    options: TrainingOptions,
    rebuild: str = "",
) -> list[dict[str, Any]]:
    """Return a training job for each variant, with what the record of its candidate needs to know.

    Every file of the dataset is read back first: nothing is trained on a damaged one. `rebuild` names a
    request to train once more: its jobs have names of their own, so that no job before them is adopted.

    Raises:
        MissingObject: the partition has no dataset.
        CorruptShard: names the file of the dataset that is not what the index says.
    """
    index = verified_dataset(store, partition)
    again = f"r{digest_of({'rebuild': rebuild})[:6]}" if rebuild else ""
    plans = []
    for name in options.variants:
        chosen = variant(name)
        best = defaults.current(store, name, is_synthetic=index.synthetic)
        hyperparameters = options.hyperparameters(
            name, is_synthetic=index.synthetic, tuned=best.hyperparameters if best else {}
        )
        log.info("%s: %s", name, hyperparameters)
        for source, parameters in options.sources(name, best).items():
            log.info("%s: %s from %s", name, ", ".join(parameters), source)
        planned = chosen.training_plan(store, settings, index, hyperparameters)
        plans.append(
            {
                "variant": name,
                "dataset_digest": index.dataset_digest,
                "prefix": prefix_of(dag_id, partition, name, again),
                "plan": planned.to_dict(),
            }
        )
    return plans


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
        candidate = trained_candidate(store, partition=partition, planned=plan, job=job)
        candidates.write_candidate(store, candidate)
        log.info("Candidate %s of %s: %s", candidate.variant, partition, candidate.model_data)
        facts.append(
            {"variant": candidate.variant, "job": job["job"], "model_sha256": candidate.model_sha256}
        )
    return facts


def verified_dataset(store: ObjectStore, partition: str) -> DatasetIndex:
    """Return the index of the partition's dataset, once every file of it has been read back.

    Raises:
        MissingObject: the partition has no dataset.
        CorruptShard: names the file of the dataset that is not what the index says.
    """
    index = candidates.dataset_index(store, candidates.dataset_digest(store, partition))
    verify_dataset(store, index)
    log.info("Dataset %s of the partition %s is whole", index.dataset_digest, partition)
    return index
