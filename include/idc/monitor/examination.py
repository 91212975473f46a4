"""Examine a served model: read capture and feedback, compare with the reference, judge."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from idc.deploy.version import Version
from idc.errors import MissingObject
from idc.evaluate.bootstrap import Floats
from idc.evaluate.calibration import Calibration
from idc.evaluate.served_model import ServedModel
from idc.monitor import capture, feedback
from idc.monitor.capture import Traffic
from idc.monitor.feedback import Feedback
from idc.monitor.options import Options
from idc.monitor.quantities import OF_IMAGE, PROBABILITY, of_image
from idc.monitor.reference import Reference, reference_of
from idc.monitor.verdict import Outcome, compared, judge
from idc.monitor.window import Window
from idc.storage import ObjectStore

log = logging.getLogger(__name__)


def examine(
    store: ObjectStore, options: Options, *, endpoint: str, day: str, version: Version
) -> dict[str, Any]:
    """Return what monitoring.json says of a model: `traffic`, `drift`, `feedback`, and what is advised.

    Raises:
        ConfigurationError: the day is none.
        CorruptShard: a shard of the model's dataset is damaged.
    """
    served, limits = version.served, options.limits
    window = Window.up_to(day, options.days)
    traffic = capture.read(store, endpoint, version.name, window, of_image, most=options.most_patches)
    labels = feedback.read(store, version.arn, Window.up_to(day, options.feedback_days))
    probability = Calibration(served.temperature, served.bias).apply(np.array(traffic.answers))
    reference, remarks = _reference(store, served)
    drift = _drift(reference, traffic, probability, options) if reference else {}
    said = feedback.measured(labels.labels, served.threshold, limits.min_labels)
    outcome, reasons = judge(drift, said, reference, limits)
    return {
        "outcome": str(outcome),
        "reasons": reasons,
        "remarks": [*remarks, *_remarks(traffic, labels, said)],
        "reference": reference and _told(reference),
        "traffic": _of_traffic(traffic, probability, served.threshold),
        "drift": drift,
        "feedback": {**said, **_of_feedback(labels)},
    }


def nothing(endpoint: str, options: Options) -> dict[str, Any]:
    """Return what monitoring.json says where no model of the registry is served."""
    return {
        "outcome": str(Outcome.KEEP),
        "reasons": [],
        "remarks": [f"Nothing to look at: {endpoint} serves no model of the registry."],
        "reference": None,
        "traffic": _of_traffic(Traffic(), np.empty(0), 0.5),
        "drift": {},
        "feedback": {**feedback.measured([], 0.5, options.limits.min_labels), **_of_feedback(Feedback())},
    }


def _reference(store: ObjectStore, served: ServedModel) -> tuple[Reference | None, list[str]]:
    try:
        return reference_of(store, served), []
    except MissingObject as error:
        log.warning("%s", error)
        return None, [f"There is nothing to hold it against, so drift is not told. {error}"]


def _drift(
    reference: Reference, traffic: Traffic, probability: Floats, options: Options
) -> dict[str, dict[str, Any]]:
    images = np.array(traffic.images, dtype=np.float64).reshape(-1, len(OF_IMAGE))
    values = {PROBABILITY: probability, **{name: images[:, at] for at, name in enumerate(OF_IMAGE)}}
    sources = len(traffic.sources)
    return {
        name: compared(reference.spreads[name], found, sources, options.limits)
        for name, found in values.items()
    }


def _remarks(traffic: Traffic, labels: Feedback, said: dict[str, Any]) -> list[str]:
    """Return what a reader must not overlook, the worst first."""
    found = []
    for what, refused in (("Captured lines", traffic.refused), ("Labels", labels.refused)):
        if refused.count:
            found.append(f"{what} that could not be read and are left out: {refused.count}, listed below.")
    if not traffic.patches:
        found.append("No answer was captured in these days: no traffic, or a sample that missed it.")
    elif traffic.files_read < traffic.files:
        found.append(f"{traffic.files_read} of {traffic.files} capture files were read, drawn by name.")
    if said["reason"]:
        found.append(f"Nothing is said of what the model is worth now: {said['reason']}.")
    return found


def _of_traffic(traffic: Traffic, probability: Floats, threshold: float) -> dict[str, Any]:
    return {
        "files": traffic.files,
        "files_read": traffic.files_read,
        "patches": traffic.patches,
        "answers": len(traffic.answers),
        "images": len(traffic.images),
        "sources": len(traffic.sources),
        "positive_share": float((probability >= threshold).mean()) if len(probability) else None,
        "refused": traffic.refused.to_dict(),
    }


def _of_feedback(labels: Feedback) -> dict[str, Any]:
    return {
        "corrected": labels.corrected,
        "of_other_versions": labels.of_other_versions,
        "refused": labels.refused.to_dict(),
    }


def _told(reference: Reference) -> dict[str, Any]:
    return {
        "patients": reference.patients,
        "patches": reference.patches,
        "positive_share": reference.positive_share,
        "test": reference.test,
    }
