"""Build the evaluation report of a candidate."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup
from PIL import Image

from idc import layout
from idc.convert.report import pictures
from idc.convert.report.facts import DatasetFacts, read_facts
from idc.convert.report.reading import read_patches
from idc.errors import MissingObject
from idc.evaluate import metrics_table
from idc.evaluate.calibration import Calibration
from idc.evaluate.metrics_table import Direction, Place
from idc.evaluate.patients import PatientRow, patient_rows
from idc.evaluate.predictions import Predictions, parsed
from idc.evaluate.report import curves
from idc.evaluate.report.heatmaps import Heatmap, HeatmapCanvas
from idc.evaluate.report.mistakes import Mistake, choose_slides, worst
from idc.html.charts import CLASS_NAMES, Chart
from idc.html.page import TEMPLATES
from idc.html.slides import Pixels
from idc.jobs.training import FULL, STARTS
from idc.storage import ObjectStore


@dataclass(frozen=True, eq=False)
class EvaluationFacts:
    """A measured candidate: its documents, and its test patches, raw and calibrated."""

    dataset: DatasetFacts
    candidate: Mapping[str, Any]
    metrics: Mapping[str, Any]
    decision: Mapping[str, Any] | None
    raw: Predictions
    test: Predictions
    rows: list[PatientRow]

    @property
    def start(self) -> str:
        """How the training began."""
        return STARTS[self.candidate.get("start", FULL)]

    @property
    def threshold(self) -> float:
        """From which calibrated probability on a patch counts as class 1."""
        return float(self.metrics["threshold"])


@dataclass(frozen=True)
class EvaluationReport:
    """A finished report: the page, its charts as PNG by name, and the heatmaps by patient and slide."""

    html: bytes
    pictures: dict[str, bytes]
    heatmaps: dict[tuple[str, int], bytes]


def read_evaluation(
    store: ObjectStore, partition: str, variant: str, *, is_decided: bool = False
) -> EvaluationFacts:
    """Read what the measuring of a candidate left, and what was decided then if it is.

    Raises:
        MissingObject: the candidate has not been measured.
    """
    metrics = _document(store, layout.metrics(partition, variant))
    candidate = _document(store, layout.candidate(partition, variant))
    raw = parsed(store.get(layout.predictions(partition, variant))).of("test")
    test = raw.calibrated(Calibration(**metrics["calibration"]))
    decision = store.find(layout.decision(partition)) if is_decided else None
    return EvaluationFacts(
        dataset=read_facts(store, metrics["dataset_digest"]),
        candidate=candidate,
        metrics=metrics,
        decision=None if decision is None else json.loads(decision),
        raw=raw,
        test=test,
        rows=patient_rows(test, metrics["threshold"]),
    )


def build(store: ObjectStore, facts: EvaluationFacts) -> EvaluationReport:
    """Return the report; the same documents give the same bytes.

    Raises:
        MissingObject: a shard of the dataset is gone.
        CorruptShard: a shard of the dataset is damaged.
    """
    missed, alarms = (worst(facts.test, facts.threshold, label) for label in (1, 0))
    canvases = [HeatmapCanvas(one, facts.threshold) for one in choose_slides(facts.test, facts.rows)]
    images = _look(store, facts, [*missed, *alarms], canvases)
    heatmaps = [canvas.heatmap() for canvas in canvases]
    charts = _charts(facts)
    return EvaluationReport(
        html=_render(facts, charts, {"missed": missed, "alarms": alarms}, images, heatmaps),
        pictures={one.name: one.png for one in charts},
        heatmaps={(one.row.patient, one.slide): one.png() for one in heatmaps},
    )


def _look(
    store: ObjectStore,
    facts: EvaluationFacts,
    mistakes: Iterable[Mistake],
    canvases: Sequence[HeatmapCanvas],
) -> dict[str, str]:
    """Read what is shown, once; paste the slides' patches, and return the mistakes as `data:` URIs."""
    shown = {mistake.patch.name for mistake in mistakes}
    canvas_of = {name: canvas for canvas in canvases for name in canvas.names}
    images = {}
    for name, image in read_patches(store, facts.dataset.index, shown | set(canvas_of), "test"):
        if name in shown:
            images[name] = _image_uri(image)
        if name in canvas_of:
            canvas_of[name].paste(name, _pixels(image))
    return images


def _charts(facts: EvaluationFacts) -> list[Chart]:
    figures, compared = facts.metrics["test"], facts.metrics["comparison"]
    charts = [curves.confusion(figures["confusion"]), curves.by_patient(facts.rows)]
    if len(set(facts.test.label.tolist())) > 1:
        charts.append(curves.ranking(facts.test, facts.threshold, figures))
        charts.append(curves.reliability(facts.raw, facts.test, facts.threshold))
    if compared and compared["patients"]:
        charts.append(curves.differences(compared))
    return charts


def _render(
    facts: EvaluationFacts,
    charts: Sequence[Chart],
    mistakes: Mapping[str, Sequence[Mistake]],
    images: Mapping[str, str],
    heatmaps: Sequence[Heatmap],
) -> bytes:
    rows = metrics_table.rows(facts.metrics["test"])
    text = TEMPLATES.get_template("evaluate/report/evaluation.html").render(
        facts=facts,
        metrics=facts.metrics,
        test=facts.metrics["test"],
        compared=facts.metrics["comparison"],
        index=facts.dataset.index,
        rows=rows,
        lower=[metric.label for metric in rows if metric.direction is Direction.LOWER],
        headlines=metrics_table.shown(Place.HEADLINE),
        of_key=metrics_table.metric,
        class_names=CLASS_NAMES,
        charts={one.name: Markup(one.svg) for one in charts},  # noqa: S704  (drawn by this package)
        mistakes=mistakes,
        images=images,
        heatmaps=heatmaps,
        photograph_uri=pictures.photograph_uri,
    )
    return text.encode()


def _document(store: ObjectStore, key: str) -> dict[str, Any]:
    body = store.find(key)
    if body is None:
        action = "Run idc_train and idc_deploy for the partition."
        raise MissingObject("evaluation", store.uri(key), "not there", "a document", action)
    found: dict[str, Any] = json.loads(body)
    return found


def _pixels(image: bytes) -> Pixels:
    with Image.open(io.BytesIO(image), formats=("PNG", "JPEG")) as opened:
        return np.asarray(opened.convert("RGB"))


def _image_uri(image: bytes) -> str:
    kind = "png" if image.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"
