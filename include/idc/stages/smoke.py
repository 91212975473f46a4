"""The smoke test of a deployed endpoint: does it answer, sensibly, and from the model that was trained?

Two patches of one patient the model has never seen are sent, and the answers are held against the
probabilities that the same artifact gave the same patches when it was evaluated.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from idc import layout
from idc.dataset.index import find_index
from idc.dataset.storage import ObjectStore
from idc.errors import EndpointFailed, MissingObject
from idc.records import recordio
from idc.registry import Candidate, sha256_of

TOLERANCE = 0.01  # two builds of a framework round differently; another model is further away


@dataclass(frozen=True)
class KnownPatch:
    """A test patch, its truth, its encoded bytes and the probability of class 1 the evaluation gave it."""

    patch: str
    patient: str
    label: int
    image: bytes
    evaluated: float


@dataclass(frozen=True)
class Answer:
    """What the endpoint said of a patch: the probabilities of class 0 and class 1."""

    patch: str
    patient: str
    label: int
    probabilities: list[float]


def known_patches(
    store: ObjectStore, dataset_digest: str, evaluated: Mapping[str, float]
) -> list[KnownPatch]:
    """Return two patches of the first test patient with one of each class, or else of the first with two.

    `evaluated` gives the evaluation's probability of class 1 by patch name.

    Raises:
        MissingObject: no test patient has two patches.
    """
    patients: dict[str, list[KnownPatch]] = {}
    for patch in _test_patches(store, dataset_digest, evaluated):
        known = patients.setdefault(patch.patient, [])
        if len(known) < 2 or all(other.label != patch.label for other in known):
            known.append(patch)
        if known[0].label != known[-1].label:
            return [known[0], known[-1]]
    pairs = [known[:2] for known in patients.values() if len(known) > 1]
    if not pairs:
        action = "Convert with another seed or a larger test share."
        raise MissingObject("dataset", dataset_digest, "no test patient with two patches", "one", action)
    return pairs[0]


def read_answer(endpoint: str, patch: KnownPatch, reply: bytes) -> Answer:
    """Return what the endpoint answered for a patch.

    Raises:
        EndpointFailed: the answer is not a pair of probabilities, or not the evaluated model's.
    """
    text = reply.decode(errors="replace")
    try:
        zero, one = (float(value) for value in json.loads(text))
    except (ValueError, TypeError) as error:
        raise _wrong(endpoint, text[:200], "[probability of class 0, probability of class 1]") from error
    if not (0 <= zero <= 1 and 0 <= one <= 1 and abs(zero + one - 1) < TOLERANCE):
        raise _wrong(endpoint, text, "two probabilities that add up to 1")
    if abs(one - patch.evaluated) > TOLERANCE:
        raise _wrong(endpoint, f"{one:.4f} for {patch.patch}", f"the evaluated model's {patch.evaluated:.4f}")
    return Answer(patch.patch, patch.patient, patch.label, [zero, one])


def check_artifact(store: ObjectStore, endpoint: str, model_data: str, candidate: Candidate) -> None:
    """Check that the artifact behind the endpoint, `model_data`, is the candidate's, byte for byte.

    Raises:
        EndpointFailed: it is another one.
    """
    digest = sha256_of(store, layout.parse_uri(model_data)[1])
    if digest != candidate.model_sha256:
        raise _wrong(endpoint, f"{model_data} with SHA-256 {digest}", candidate.model_sha256)


def record(endpoint: str, answers: list[Answer]) -> dict[str, Any]:
    """Return smoke.json."""
    return {"endpoint": endpoint, "patches": [asdict(answer) for answer in answers]}


def _test_patches(
    store: ObjectStore, dataset_digest: str, evaluated: Mapping[str, float]
) -> Iterator[KnownPatch]:
    index = find_index(store, dataset_digest)
    shards = [shard for shard in index.shards if shard.split == "test"] if index else []
    for shard in shards:
        stem = layout.dataset_prefix(dataset_digest) + shard.key.removesuffix(recordio.RECORDS)
        lines = store.get(stem + recordio.NAMES).decode().splitlines()
        names = [line.split("\t")[2] for line in lines]
        for entry in recordio.read_records(store.get(stem + recordio.RECORDS), shard.key):
            name = names[entry.number]
            yield KnownPatch(name, name.split("_")[0], entry.label, entry.image, evaluated[name])


def _wrong(endpoint: str, observed: str, expected: str) -> EndpointFailed:
    action = "Look at the endpoint's log and at the candidate's predictions.csv."
    return EndpointFailed("endpoint", endpoint, observed, expected, action)
