"""Choose the model that transfer learning begins with, and know which patients a model has seen.

A model that began with another model's weights has seen that model's patients too, so each incremental
training leaves a record of every dataset behind its weights. An earlier month's model is left out where it
has seen a test patient of the new dataset, or was trained on one of its validation patients: the one would
flatter its metrics, the other its threshold and its choice.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Protocol

from idc import layout
from idc.converter.index import DatasetIndex, find_index
from idc.converter.split import read_csv
from idc.jobs.training import (
    INCREMENTAL,
    PRETRAINED,
    SAGEMAKER_MODEL,
    Channel,
    Start,
    TrainingPlan,
)
from idc.settings import Settings
from idc.storage import ObjectStore
from idc.train import candidates
from idc.train.candidates import Candidate
from idc.variants.variant import Variant

log = logging.getLogger(__name__)

Sides = dict[str, set[str]]  # patients by split

SCORE = "validation:accuracy"  # what the built-in algorithm reports of the validation patients


class Model(Protocol):
    """A trained model: a candidate, or a registered version's."""

    @property
    def dataset_digest(self) -> str:
        """The dataset it was last trained on."""

    @property
    def model_sha256(self) -> str:
        """The digest of its artifact."""

    @property
    def start(self) -> str:
        """How its training began."""


def choose(
    store: ObjectStore,
    settings: Settings,
    index: DatasetIndex,
    variant: Variant,
    plan: TrainingPlan,
    *,
    partition: str,
    rejected: Collection[str] = (),
) -> Start:
    """Return where a planned training on a partition's dataset begins.

    Precedence: pretrained weights where the settings ask for them, the newest fit model of an earlier
    partition, full training. `rejected` are the digests of artifacts that the registry holds as rejected.
    """
    if variant.transfer is None:
        return Start()
    if settings.builtin_pretrained:
        return Start(PRETRAINED)
    own = _sides(store, [index.dataset_digest])
    network = {name: str(plan.hyperparameters[name]) for name in variant.transfer.network}
    for one in _earlier(store, partition, (variant.transfer.full_training, variant.name)):
        datasets = trained_on(store, one)
        seen = None if datasets is None else _sides(store, datasets)
        reason = _unfit(store, one, index.synthetic, network, rejected) or _leak(seen, own)
        if not reason:
            return Start(INCREMENTAL, one.training_job, one.partition, one.model_data, tuple(datasets or ()))
        log.info("%s is not a start for %s: %s", one.training_job, variant.name, reason)
    return Start()


def begun(plan: TrainingPlan, variant: Variant, start: Start) -> TrainingPlan:
    """Return the plan of a training that begins with `start`."""
    if variant.transfer and start.kind == PRETRAINED:
        return replace(plan, hyperparameters={**plan.hyperparameters, **variant.transfer.pretrained})
    if start.kind == INCREMENTAL:
        model = Channel("model", start.model_data, content_type=SAGEMAKER_MODEL)
        return replace(plan, channels=(*plan.channels, model))
    return plan


def record(store: ObjectStore, candidate: Candidate, start: Start) -> None:
    """Keep the digest of every dataset behind the weights of a candidate that began with a model."""
    if start.kind == INCREMENTAL:
        digests = dict.fromkeys((candidate.dataset_digest, *start.datasets))
        document = {"training_job": candidate.training_job, "start": asdict(start), "datasets": [*digests]}
        candidates.write_json(store, layout.lineage(candidate.model_sha256), document)


def trained_on(store: ObjectStore, model: Model) -> list[str] | None:
    """Return the digest of every dataset behind a model's weights; None if they are not known."""
    if model.start != INCREMENTAL:
        return [model.dataset_digest]
    body = store.find(layout.lineage(model.model_sha256))
    return None if body is None else list(json.loads(body)["datasets"])


def seen_patients(store: ObjectStore, model: Model) -> set[str] | None:
    """Return the patients a model was trained or validated on; None if they are not known."""
    datasets = trained_on(store, model)
    sides = None if datasets is None else _sides(store, datasets)
    return None if sides is None else sides["train"] | sides["validation"]


def _earlier(store: ObjectStore, partition: str, variants: Sequence[str]) -> Iterator[Candidate]:
    """Yield candidates of earlier partitions: the newest first, of one partition the most accurate first."""
    before = [one for one in candidates.partitions(store) if one < partition]
    for one in reversed(before):
        found = candidates.recorded(store, one, variants)
        yield from sorted(found, key=lambda candidate: -candidate.metrics.get(SCORE, 0))


def _unfit(
    store: ObjectStore,
    candidate: Candidate,
    is_synthetic: bool,
    network: Mapping[str, str],
    rejected: Collection[str],
) -> str:
    """Return why training cannot begin with a candidate's model, empty if it can."""
    if candidate.model_sha256 in rejected:
        return "the model was rejected in the registry"
    for name, value in network.items():
        if candidate.hyperparameters.get(name) != value:
            return f"its {name} is {candidate.hyperparameters.get(name)}, expected {value}"
    index = find_index(store, candidate.dataset_digest)
    if index is None or index.synthetic != is_synthetic:
        kind = "an unknown" if index is None else "a generated" if index.synthetic else "a real"
        return f"it was trained on {kind} dataset"
    artifact = store.find(layout.parse_uri(candidate.model_data)[1])
    if artifact is None or hashlib.sha256(artifact).hexdigest() != candidate.model_sha256:
        return "its artifact has changed or is gone"
    return ""


def _leak(seen: Sides | None, own: Sides | None) -> str:
    """Return why the patients a model has seen forbid to begin with it, empty if they do not."""
    if seen is None or own is None:
        return "the split of a dataset is gone: the patients it has seen are not known"
    if known := (seen["train"] | seen["validation"]) & own["test"]:
        return f"it has seen {len(known)} of this dataset's test patients"
    if known := seen["train"] & own["validation"]:
        return f"it was trained on {len(known)} of this dataset's validation patients"
    return ""


def _sides(store: ObjectStore, datasets: Iterable[str]) -> Sides | None:
    """Return the patients of each split of some datasets; None if the split of one is gone."""
    sides: Sides = {split: set() for split in layout.SPLITS}
    for digest in datasets:
        table = store.find(layout.split_table(digest))
        if table is None:
            return None
        for row in read_csv(table):
            sides[row.split].add(row.patient)
    return sides
