"""The stage dataset → candidates: a training job for each distinct request, and the record of its model."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from idc.converter.index import DatasetIndex, verify_dataset
from idc.jobs.spec import digest_of, prefix_of
from idc.jobs.training import FULL, Start
from idc.settings import Settings
from idc.storage import ObjectStore
from idc.train import candidates, defaults, start
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
    rejected: Collection[str] = (),
) -> list[dict[str, Any]]:
    """Return a training job for each variant, with what the record of its candidate needs to know.

    Every file of the dataset is read back first: nothing is trained on a damaged one. `rebuild` names a
    request to train once more: its jobs have names of their own, so that no job before them is adopted.
    `rejected` are the digests of artifacts that no training may begin with.

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
        begun = start.choose(store, settings, index, chosen, planned, partition=partition, rejected=rejected)
        log.info("%s: %s", name, begun)
        # Full training of an algorithm has one name, whichever of its variants asks for it.
        asked_as = chosen.transfer.full_training if chosen.transfer and begun.kind == FULL else name
        plans.append(
            {
                "variant": name,
                "dataset_digest": index.dataset_digest,
                "prefix": prefix_of(dag_id, partition, asked_as, again),
                "start": asdict(begun),
                "plan": start.begun(planned, chosen, begun).to_dict(),
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
    """Write a candidate.json for every variant that asked for a job; return what tells them apart."""
    facts = []
    for plan, job in zip(planned, jobs, strict=True):
        for name in plan["variants"]:
            candidate = trained_candidate(
                store, partition=partition, planned={**plan, "variant": name}, job=job
            )
            start.record(store, candidate, Start.from_dict(plan["start"]))
            candidates.write_candidate(store, candidate)
            log.info("Candidate %s of %s: %s", candidate.variant, partition, candidate.model_data)
            facts.append({"variant": name, "job": job["job"], "model_sha256": candidate.model_sha256})
        if len(plan["variants"]) > 1:
            log.info("%s: same training job, %s", " and ".join(plan["variants"]), job["job"])
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
