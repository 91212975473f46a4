"""The candidates of a partition, and where its dataset is: what one stage leaves in S3 for the next."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from idc import layout
from idc.dataset.snapshot import find_dataset
from idc.dataset.storage import ObjectStore
from idc.errors import MissingObject


@dataclass(frozen=True)
class Candidate:
    """One variant's trained model of one partition.

    `epochs` is the history its training job wrote, `validation` the figures of the epoch that was kept.
    """

    variant: str
    partition: str
    dataset_digest: str
    training_job: str
    model_data: str
    model_sha256: str
    best_epoch: int
    validation: dict[str, float]
    epochs: list[dict[str, Any]]


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


def write_candidate(store: ObjectStore, candidate: Candidate) -> None:
    """Record a candidate."""
    write_json(store, layout.candidate(candidate.partition, candidate.variant), asdict(candidate))


def write_json(store: ObjectStore, key: str, value: Mapping[str, Any]) -> None:
    """Write an object of JSON that a person can read too."""
    store.put(key, (json.dumps(value, indent=1, allow_nan=False) + "\n").encode())


def sha256_of(store: ObjectStore, key: str) -> str:
    """Return the SHA-256 of an object's bytes, in hexadecimal."""
    return hashlib.sha256(store.get(key)).hexdigest()
