"""Read the labels that doctors sent to the REST API and measure the model on them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from idc import layout
from idc.evaluate import metrics_table
from idc.evaluate.metrics import measure
from idc.evaluate.metrics_table import Place
from idc.evaluate.predictions import Predictions
from idc.evaluate.results import DRAWS, SEED
from idc.monitor.refusals import Refusals
from idc.monitor.window import Window, instant, source
from idc.storage import ObjectStore


@dataclass(frozen=True)
class Label:
    """The newest label of a patch or tile, what the model had said, and where the label lies."""

    request_id: str
    tile: str
    source: str
    number: int
    label: int
    probability: float
    package: str
    uri: str


@dataclass
class Feedback:
    """The labels of one model version's answers; `corrected` ones were labelled more than once."""

    labels: list[Label] = field(default_factory=list)
    corrected: int = 0
    of_other_versions: int = 0
    refused: Refusals = field(default_factory=Refusals)


def read(store: ObjectStore, package: str, window: Window) -> Feedback:
    """Return the labels of a version's answers in the window that had come by its end, the newest of each."""
    found, newest = Feedback(), dict[tuple[str, str], Label]()
    for key, body in _objects(store, window):
        try:
            record = json.loads(body)
            if instant(record["received_at"]) >= window.end:
                continue
            label = _label(record, store.uri(key))
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            said = f"no {error}" if isinstance(error, KeyError) else error
            found.refused.add(store.uri(key), said)
            continue
        if label.package != package:
            found.of_other_versions += 1
            continue
        name = (label.request_id, label.tile)
        if name not in newest or newest[name].number < label.number:
            newest[name] = label
    found.labels = [newest[name] for name in sorted(newest)]
    found.corrected = sum(label.number > 1 for label in found.labels)
    return found


def measured(labels: list[Label], threshold: float, least: int) -> dict[str, Any]:
    """Return what the labels say of the model, or with a `reason` that they say nothing.

    `{"patches", "sources", "classes", "confusion", "<metric>": {"value", "low", "high"}, …}`. The bounds draw
    sources, slides and hours in which patches came alone, as an evaluation draws patients.
    """
    classes = {str(klass): sum(one.label == klass for one in labels) for klass in (0, 1)}
    facts = {"patches": len(labels), "sources": len({one.source for one in labels}), "classes": classes}
    if len(labels) < least:
        return {**facts, "reason": f"too few labels: {len(labels)}, expected at least {least}"}
    if not all(classes.values()):
        return {**facts, "reason": f"labels of one class only: {classes['1']} of {len(labels)} are IDC"}
    split = measure(_as_predictions(labels), threshold=threshold, seed=SEED, draws=DRAWS).to_dict()
    shown = [metric.key for metric in metrics_table.shown(Place.LABELS)]
    return {**facts, "reason": "", **{name: split[name] for name in ("confusion", *shown)}}


def _objects(store: ObjectStore, window: Window) -> Iterator[tuple[str, bytes]]:
    for day in window.names():
        for key in store.keys(layout.feedback_prefix(day)):
            yield key, store.get(key)


def _label(record: Mapping[str, Any], uri: str) -> Label:
    answer, tile, label = record["answer"], record["tile"], record["label"]
    if isinstance(label, bool) or label not in (0, 1):
        raise ValueError(f"the label {str(label)[:40]!r}, expected 0 or 1")
    probability = float(answer["probability"])
    if not (math.isfinite(probability) and 0 <= probability <= 1):
        raise ValueError(f"the probability {probability}, expected one from 0 to 1")
    name = str(record["request_id"])
    return Label(
        request_id=name,
        source=source(name if tile else "", instant(answer["at"])),
        tile=f"x{int(tile['x'])}_y{int(tile['y'])}" if tile else "",
        number=int(record["number"]),
        label=int(label),
        probability=probability,
        package=str(answer["package"]),
        uri=uri,
    )


def _as_predictions(labels: list[Label]) -> Predictions:
    return Predictions(
        patch=np.array([f"{one.request_id}.{one.tile}" for one in labels]),
        patient=np.array([one.source for one in labels]),
        label=np.array([one.label for one in labels], dtype=np.int64),
        split=np.full(len(labels), "test"),
        probability=np.array([one.probability for one in labels]),
    )
