"""One partition on the page: its candidates and champion with metrics and bounds, and the decision."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from idc import layout
from idc.dashboard.documents import Documents
from idc.evaluate import metrics_table
from idc.evaluate.metrics_table import DECIDES, Metric, Place
from idc.history import series

_READ = ("candidate.json", "metrics.json")
_PAGES = ("report.html", "card.html", "card.json", "metrics.json")
_HEATMAP = re.compile(r"heatmaps/(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*\.png)")

Values = Mapping[str, Any]


def partition(documents: Documents, name: str) -> dict[str, Any]:
    """Return everything known of one partition's candidates; empty lists if there are none.

    Raises:
        ConfigurationError: `name` is no name of a partition.
    """
    prefix = layout.candidates_prefix(name)
    entries = documents.entries(prefix)
    keys = [entry.key.removeprefix(prefix) for entry in entries]
    read = [entry for entry in entries if entry.key.endswith((*_READ, "decision.json"))]
    found = {key.removeprefix(prefix): value for key, value in documents.read(read).items()}
    candidates = [
        _candidate(who, keys, found)
        for who in series.in_order(key.partition("/")[0] for key in keys if "/" in key)
    ]
    rows = metrics_table.rows_of({key for one in candidates for key in one["test"]["metrics"]})
    return {
        "partition": name,
        "synthetic": any(one["synthetic"] for one in candidates),
        "datasets": sorted({one["dataset_digest"] for one in candidates if one["dataset_digest"]}),
        "decision": found.get("decision.json"),
        "candidates": candidates,
        "metrics": [row.to_dict() for row in rows],
        "plotted": [row.key for row in rows if Place.PLOT in row.places],
        "decides": metrics_table.metric(DECIDES).to_dict(),
    }


def _candidate(who: str, keys: Iterable[str], found: Mapping[str, Values]) -> dict[str, Any]:
    own = [key.removeprefix(f"{who}/") for key in keys if key.startswith(f"{who}/")]
    made = found.get(f"{who}/candidate.json", {})
    metrics = found.get(f"{who}/metrics.json", {})
    calibration = metrics.get("calibration") or {}
    return {
        "name": who,
        "variant": metrics.get("variant") or made.get("variant") or who,
        "trained_on": metrics.get("trained_on") or made.get("partition") or metrics.get("partition", ""),
        "dataset_digest": metrics.get("dataset_digest") or made.get("dataset_digest", ""),
        "synthetic": bool(metrics.get("synthetic") or made.get("synthetic")),
        "training_job": made.get("training_job", ""),
        "same_training": metrics.get("same_training", []),
        "start": made.get("start", ""),
        "tuning_job": made.get("tuning_job", ""),
        "run_s": made.get("run_s"),
        "threshold": metrics.get("threshold"),
        "target_sensitivity": metrics.get("target_sensitivity"),
        "temperature": calibration.get("temperature"),
        "bias": calibration.get("bias"),
        "test": _side(metrics.get("test") or {}),
        "validation": _side(metrics.get("validation") or {}),
        "comparison": metrics.get("comparison"),
        "pages": [page for page in _PAGES if page in own],
        "heatmaps": [match["name"] for key in own if (match := _HEATMAP.fullmatch(key))],
    }


def _side(measured: Values) -> dict[str, Any]:
    counts = {name: measured.get(name) for name in ("patients", "patches")}
    return {**counts, "metrics": _bounded(measured, metrics_table.rows(measured))}


def _bounded(measured: Values, rows: Iterable[Metric]) -> dict[str, dict[str, Any]]:
    """Return the metrics that were measured, as `{"value", "low", "high"}`; a missing part is None."""
    return {
        row.key: {part: measured[row.key].get(part) for part in ("value", "low", "high")}
        for row in rows
        if isinstance(measured.get(row.key), dict)
    }
