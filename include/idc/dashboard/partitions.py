"""Partitions: their candidates and champion with metrics and bounds, what was decided, and the history."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from idc import layout
from idc.dashboard.documents import Documents, Entry
from idc.variants.all import VARIANTS

CANDIDATES = "candidates/"
LONGEST_HISTORY = 36
RECENT = 3  # partitions in which something may be going on
SETTLED_S = 300.0  # how old the listing of another may be
# As metrics.json names them, in the order in which a person asks for them.
METRICS = (
    "balanced_accuracy",
    "recall",
    "specificity",
    "roc_auc",
    "average_precision",
    "f1",
    "precision",
    "accuracy",
    "recall_at_90_specificity",
    "brier_score",
    "expected_calibration_error",
)
HEADLINES = ("balanced_accuracy", "recall", "specificity", "roc_auc", "average_precision", "brier_score")
_READ = ("candidate.json", "metrics.json")
_PAGES = ("report.html", "card.html", "card.json", "metrics.json")
_HEATMAP = re.compile(r"heatmaps/(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*\.png)")

Values = Mapping[str, Any]


def history(documents: Documents, limit: int = LONGEST_HISTORY) -> dict[str, Any]:
    """Return the newest partitions, oldest first, with each candidate's headline metrics on test patients.

    `{"partitions": [{"partition", "synthetic", "candidates": [{"name", "metrics"}]}],
    "left_out": partitions older than the newest `limit`}`
    """
    names = documents.folders(CANDIDATES)
    shown = names[-limit:]
    prefixes = [f"{CANDIDATES}{name}/" for name in shown]
    settled = documents.entries_of(prefixes[:-RECENT], SETTLED_S)
    listed = [*settled, *documents.entries_of(prefixes[-RECENT:])]
    wanted = [entry for entries in listed for entry in entries if entry.key.endswith("/metrics.json")]
    found = documents.read(wanted)
    return {
        "partitions": [_line(name, entries, found) for name, entries in zip(shown, listed, strict=True)],
        "left_out": len(names) - len(shown),
    }


def partition(documents: Documents, name: str) -> dict[str, Any]:
    """Return everything known of one partition's candidates; empty lists where there is nothing.

    Raises:
        ConfigurationError: `name` is no partition's.
    """
    prefix = partition_prefix(name)
    entries = documents.entries(prefix)
    keys = [entry.key.removeprefix(prefix) for entry in entries]
    read = [entry for entry in entries if entry.key.endswith((*_READ, "decision.json"))]
    found = {key.removeprefix(prefix): value for key, value in documents.read(read).items()}
    candidates = [
        _candidate(who, keys, found)
        for who in (*VARIANTS, layout.CHAMPION)
        if any(key.startswith(f"{who}/") for key in keys)
    ]
    return {
        "partition": name,
        "synthetic": any(one["synthetic"] for one in candidates),
        "datasets": sorted({one["dataset_digest"] for one in candidates if one["dataset_digest"]}),
        "decision": found.get("decision.json"),
        "candidates": candidates,
        "metrics": [
            metric for metric in METRICS if any(metric in one["test"]["metrics"] for one in candidates)
        ],
    }


def partition_prefix(name: str) -> str:
    """Return the prefix of all candidates of a partition.

    Raises:
        ConfigurationError: `name` is no partition's.
    """
    return layout.candidate_prefix(name, layout.CHAMPION).removesuffix(f"{layout.CHAMPION}/")


def _line(name: str, entries: Sequence[Entry], found: Mapping[str, Values]) -> dict[str, Any]:
    prefix = f"{CANDIDATES}{name}/"
    metrics = {
        who: found[key]
        for who in (*VARIANTS, layout.CHAMPION)
        if (key := f"{prefix}{who}/metrics.json") in found and any(key == entry.key for entry in entries)
    }
    return {
        "partition": name,
        "synthetic": any(bool(one.get("synthetic")) for one in metrics.values()),
        "candidates": [
            {"name": who, "metrics": _bounded(one.get("test") or {}, HEADLINES)}
            for who, one in metrics.items()
        ],
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
    return {**counts, "metrics": _bounded(measured, METRICS)}


def _bounded(measured: Values, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the metrics that are there, as `{"value", "low", "high"}`; None where one does not exist."""
    return {
        name: {part: measured[name].get(part) for part in ("value", "low", "high")}
        for name in names
        if isinstance(measured.get(name), dict)
    }
