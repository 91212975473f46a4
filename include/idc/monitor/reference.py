"""Where a model's answers and its patches were when it was evaluated: what later ones are held against.

Made once a model, when it is first looked at, and kept for as long as it may be served: a partition that is
trained again overwrites its predictions. It holds counts by patient, and no patch.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from idc import layout
from idc.convert.report.reading import read_patches
from idc.errors import MissingObject
from idc.evaluate import metrics_table
from idc.evaluate.answers import SCORED
from idc.evaluate.bootstrap import Counts, Floats
from idc.evaluate.calibration import Calibration
from idc.evaluate.metrics_table import Place
from idc.evaluate.predictions import Predictions, parsed
from idc.evaluate.served_model import ServedModel
from idc.monitor.drift import binned, inner_edges
from idc.monitor.quantities import OF_IMAGE, PROBABILITY, of_image
from idc.storage import ObjectStore
from idc.train import candidates

SAMPLE = 2000  # patches whose images are looked at

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Spread:
    """How a quantity is spread: inner edges of the bins, and by patient how many patches lie in each."""

    edges: list[float]
    counts: dict[str, list[int]]
    mean: float
    deviation: float

    @classmethod
    def of(cls, values: Floats, patient: Any) -> Self:
        """Return the spread of values, shape (patches,), of these patients' patches."""
        edges = inner_edges(values)
        owners = sorted(set(patient.tolist()))
        counts = {owner: binned(values[patient == owner], edges).tolist() for owner in owners}
        return cls(edges.tolist(), counts, float(values.mean()), float(values.std()))

    @property
    def by_patient(self) -> Counts:
        """The counts, shape (patients, bins)."""
        return np.array(list(self.counts.values()), dtype=np.int64)


@dataclass(frozen=True)
class Reference:
    """A model's validation and test patches, none of which it was trained on, and what it was worth on test.

    `positive_share` is the share of patches that count as class 1 from the threshold on; threshold and
    calibration are the version's, for the same artifact may be served with others later.
    """

    model_sha256: str
    threshold: float
    temperature: float
    bias: float
    patients: int
    patches: int
    positive_share: float
    spreads: dict[str, Spread]
    test: dict[str, Any]

    def is_of(self, served: ServedModel) -> bool:
        """Whether it was made with the threshold and the calibration that this version has."""
        own = (self.threshold, self.temperature, self.bias)
        return own == (served.threshold, served.temperature, served.bias)

    def to_dict(self) -> dict[str, Any]:
        """Return reference.json."""
        return {"format_version": 1, **asdict(self)}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Self:
        """Return what `to_dict` wrote."""
        values = {name: value for name, value in found.items() if name != "format_version"}
        spreads = {name: Spread(**one) for name, one in found["spreads"].items()}
        return cls(**{**values, "spreads": spreads})


def reference_of(store: ObjectStore, served: ServedModel) -> Reference:
    """Return a model's reference, and make it if it has none yet.

    Raises:
        MissingObject: what its evaluation left is gone, or another model's by now.
        CorruptShard: a shard of its dataset is damaged.
    """
    key = layout.reference(served.model_sha256)
    body = store.find(key)
    if body is not None and (kept := Reference.from_dict(json.loads(body))).is_of(served):
        return kept
    made = _made(store, served)
    candidates.write_json(store, key, made.to_dict())
    log.info("Reference of %s: %d patches of %d patients.", store.uri(key), made.patches, made.patients)
    return made


def _made(store: ObjectStore, served: ServedModel) -> Reference:
    candidate = candidates.candidate(store, served.partition, served.variant)
    if candidate.model_sha256 != served.model_sha256:
        which = f"{served.variant} of {served.partition}"
        action = "Deploy a model with idc_deploy and let idc_monitor run before training it again."
        raise MissingObject("evaluation", which, "of another model by now", served.model_sha256, action)
    predictions = parsed(store.get(layout.predictions(served.partition, served.variant)))
    test = json.loads(store.get(layout.metrics(served.partition, served.variant)))["test"]
    probability = Calibration(served.temperature, served.bias).apply(predictions.probability)
    names, images = _images(store, served, predictions)
    shown = [metric.key for metric in metrics_table.shown(Place.LABELS)]
    owner = np.array([name.partition("_")[0] for name in names])
    return Reference(
        model_sha256=served.model_sha256,
        threshold=served.threshold,
        temperature=served.temperature,
        bias=served.bias,
        patients=len(set(predictions.patient.tolist())),
        patches=len(predictions),
        positive_share=float((probability >= served.threshold).mean()),
        spreads={
            PROBABILITY: Spread.of(probability, predictions.patient),
            **{name: Spread.of(images[:, at], owner) for at, name in enumerate(OF_IMAGE)},
        },
        test={name: test[name] for name in ("patients", "patches", *shown)},
    )


def _images(store: ObjectStore, served: ServedModel, predictions: Predictions) -> tuple[list[str], Floats]:
    """Return the names of a sample of the patches, and what is measured, shape (patches, quantities)."""
    index = candidates.dataset_index(store, served.dataset_digest)
    chosen = set(sorted(predictions.patch.tolist(), key=_draw)[:SAMPLE])
    names, rows = [], []
    for split in SCORED:
        for name, image in read_patches(store, index, chosen, split):
            names.append(name)
            rows.append(of_image(image))
    return names, np.array(rows)


def _draw(name: str) -> bytes:
    return hashlib.blake2b(name.encode(), digest_size=16).digest()
