"""The smoke test of a deployed endpoint: does it answer, sensibly, and from the model that was registered?

When a model is registered, some test patches of one patient are kept with the answers that its artifact gave
them when it was evaluated. The endpoint is sent the same patches, now or after a rollback months later.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from idc import layout
from idc.converter.index import find_index
from idc.converter.records import recordio
from idc.deploy.version import Version
from idc.errors import EndpointFailed, MissingObject
from idc.evaluate.served_model import ServedModel
from idc.storage import ObjectStore
from idc.train import candidates
from idc.train.candidates import sha256_of

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
    """What the endpoint said of a patch: the probabilities of both classes, and class 1's calibrated."""

    patch: str
    patient: str
    label: int
    probabilities: list[float]
    calibrated: float


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


def keep(store: ObjectStore, model_sha256: str, patches: list[KnownPatch]) -> None:
    """Keep known patches and their answers for as long as the model may be served."""
    found = [{**asdict(one), "image": base64.b64encode(one.image).decode()} for one in patches]
    candidates.write_json(store, layout.known_answers(model_sha256), {"patches": found})


def kept(store: ObjectStore, model_sha256: str) -> list[KnownPatch]:
    """Return what `keep` wrote.

    Raises:
        MissingObject: the model was not registered by this pipeline.
    """
    found = json.loads(store.get(layout.known_answers(model_sha256)))["patches"]
    return [KnownPatch(**{**one, "image": base64.b64decode(one["image"])}) for one in found]


def read_answer(endpoint: str, patch: KnownPatch, reply: bytes, served: ServedModel) -> Answer:
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
    return Answer(patch.patch, patch.patient, patch.label, [zero, one], served.calibrated(one))


def check_classes(endpoint: str, answers: list[Answer]) -> None:
    """Check that calibration leaves the answers in their order, and in between 0 and 1.

    Raises:
        EndpointFailed: it does not.
    """
    for answer in answers:
        if not (math.isfinite(answer.calibrated) and 0 <= answer.calibrated <= 1):
            raise _wrong(endpoint, f"{answer.calibrated} for {answer.patch}", "a probability between 0 and 1")
    raw = sorted(answers, key=lambda answer: answer.probabilities[1])
    if raw != sorted(raw, key=lambda answer: answer.calibrated):
        shown = [(answer.probabilities[1], answer.calibrated) for answer in raw]
        raise _wrong(endpoint, f"raw and calibrated {shown}", "the same order")


def check_artifact(store: ObjectStore, endpoint: str, model_data: str, served: ServedModel) -> None:
    """Check that the artifact behind the endpoint, `model_data`, is the registered one, byte for byte.

    Raises:
        EndpointFailed: it is another one.
    """
    digest = sha256_of(store, layout.parse_uri(model_data)[1])
    if digest != served.model_sha256:
        raise _wrong(endpoint, f"{model_data} with SHA-256 {digest}", served.model_sha256)


def check_variant(endpoint: str, answered: str, expected: str) -> None:
    """Check that the production variant that `answered` is the one just deployed.

    Raises:
        EndpointFailed: it is another one.
    """
    if answered != expected:
        raise _wrong(endpoint, f"answered by {answered}", expected)


def record(endpoint: str, version: Version, answers: list[Answer]) -> dict[str, Any]:
    """Return smoke.json; the threshold is for the calibrated probabilities."""
    return {
        "endpoint": endpoint,
        "version": version.name,
        "threshold": version.served.threshold,
        "patches": [asdict(answer) for answer in answers],
    }


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
