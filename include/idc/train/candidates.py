"""The candidates of a partition, and where its dataset is: what one stage leaves in S3 for the next."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

from idc import layout
from idc.converter.index import DatasetIndex, find_index
from idc.errors import ConflictError, MissingObject
from idc.ingest.snapshot import find_dataset
from idc.storage import ObjectStore
from idc.variants.all import VARIANTS

log = logging.getLogger(__name__)


def partitions(store: ObjectStore) -> list[str]:
    """Return the partitions below which anything is kept of a snapshot, in order."""
    below = (key.removeprefix(layout.SNAPSHOTS).partition("/") for key in store.keys(layout.SNAPSHOTS))
    return sorted({name for name, slash, _ in below if name and slash})


@dataclass(frozen=True)
class Candidate:
    """One variant's trained model of one partition; `metrics` are the last its training job reported.

    `tuning_job` is empty for a model nobody tuned, `code_digest` for an algorithm that is not ours. `start`
    is how its training began, empty for full training; `start_job` made the model that it began with.
    `billable_s` are the seconds of each instance that Amazon bills, `cost` their price; None if not known.
    """

    variant: str
    partition: str
    dataset_digest: str
    training_job: str
    model_data: str
    model_sha256: str
    run_s: int | None
    hyperparameters: dict[str, str]
    metrics: dict[str, float]
    tuning_job: str = ""
    code_digest: str = ""
    billable_s: int | None = None
    cost: float | None = None
    start: str = ""
    start_job: str = ""


def dataset_digest(store: ObjectStore, partition: str) -> str:
    """Return the digest of the dataset last made of the partition's snapshot.

    Raises:
        MissingObject: none has been made.
    """
    digest = find_dataset(store, partition)
    if digest is None:
        uri = store.uri(layout.dataset_pointer(partition))
        action = f"Run idc_convert for the partition {partition}."
        raise MissingObject("dataset", f"of {partition}", f"no {uri}", "the name of a dataset", action)
    return digest


def dataset_index(store: ObjectStore, digest: str) -> DatasetIndex:
    """Return the index of a dataset that is expected to exist.

    Raises:
        MissingObject: it does not.
    """
    index = find_index(store, digest)
    if index is None:
        action = "Run idc_convert for its partition."
        raise MissingObject("dataset", digest, "no index.json", "an index", action)
    return index


def candidate(store: ObjectStore, partition: str, variant: str) -> Candidate:
    """Return a candidate.

    Raises:
        MissingObject: it has not been trained.
    """
    key = layout.candidate(partition, variant)
    body = store.find(key)
    if body is None:
        action = f"Run idc_train for the partition {partition}."
        raise MissingObject("candidate", f"{variant} of {partition}", f"no {store.uri(key)}", "one", action)
    return Candidate(**json.loads(body))


def recorded(store: ObjectStore, partition: str, variants: Iterable[str]) -> list[Candidate]:
    """Return the candidates of a partition that these variants have, of whatever dataset."""
    bodies = [store.find(layout.candidate(partition, variant)) for variant in variants]
    return [Candidate(**json.loads(body)) for body in bodies if body is not None]


def same_training(candidates: Iterable[Candidate]) -> dict[str, list[str]]:
    """Return for each variant the others whose candidate is the model of the same training job."""
    by_job: dict[str, list[str]] = {}
    for one in candidates:
        by_job.setdefault(one.training_job, []).append(one.variant)
    return {own: [one for one in job if one != own] for job in by_job.values() for own in job}


def candidates(store: ObjectStore, partition: str) -> list[Candidate]:
    """Return the candidates of the partition's present dataset, in the order of the variants.

    One trained on another dataset is left out: its training patients may be test patients of this one.

    Raises:
        MissingObject: there is none.
    """
    digest = dataset_digest(store, partition)
    found = recorded(store, partition, VARIANTS)
    current = [candidate for candidate in found if candidate.dataset_digest == digest]
    for other in (candidate for candidate in found if candidate.dataset_digest != digest):
        log.info("%s is left out: it was trained on dataset %s", other.variant, other.dataset_digest)
    if not current:
        action = f"Run idc_train for the partition {partition}."
        raise MissingObject("candidates", f"of {partition}", f"none of dataset {digest}", "one", action)
    return current


def refuse_other_model(candidate: Candidate, observed: str, expected: str) -> NoReturn:
    """Say that a candidate is another model than the one that was looked at; a run that has both mixes them.

    Raises:
        ConflictError: always.
    """
    action = "Run idc_deploy for the partition again."
    raise ConflictError(
        "candidate", f"{candidate.variant} of {candidate.partition}", f"{observed} by now", expected, action
    )


def write_candidate(store: ObjectStore, candidate: Candidate) -> None:
    """Record a candidate."""
    write_json(store, layout.candidate(candidate.partition, candidate.variant), asdict(candidate))


def write_json(store: ObjectStore, key: str, value: Mapping[str, Any]) -> None:
    """Write an object of JSON that a person can read too."""
    store.put(key, (json.dumps(value, indent=1, allow_nan=False) + "\n").encode())


def sha256_of(store: ObjectStore, key: str) -> str:
    """Return the SHA-256 of an object's bytes, in hexadecimal."""
    return hashlib.sha256(store.get(key)).hexdigest()
