"""Monitoring: what the newest days' reports say of the model that was served."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idc import layout
from idc.overview.documents import Documents

SHOWN_DAYS = 14
DRIFTED = "drifted"


def newest(documents: Documents, shown: int = SHOWN_DAYS) -> dict[str, Any]:
    """Return the newest days that were looked at, the last one first.

    `{"days": [{"day", "is_over", "model", "patches", "drifted", "labels", "balanced_accuracy", "outcome",
    "reasons"}], "left_out": days before these}`; `model` or `balanced_accuracy` is None where there is none.
    """
    names = documents.folders(layout.MONITORING)
    keys = {layout.monitoring(name): name for name in names[-shown:]}
    found = documents.find(list(keys))
    return {
        "days": [_line(name, found[key]) for key, name in reversed(keys.items()) if key in found],
        "left_out": max(0, len(names) - shown),
    }


def _line(day: str, document: Mapping[str, Any]) -> dict[str, Any]:
    labels, drift = document["feedback"], document["drift"]
    return {
        "day": day,
        "is_over": document["is_over"],
        "model": document["model"],
        "patches": document["traffic"]["patches"],
        "drifted": [name for name, one in drift.items() if one["status"] == DRIFTED],
        "labels": labels["patches"],
        "balanced_accuracy": labels.get("balanced_accuracy"),
        "outcome": document["outcome"],
        "reasons": document["reasons"],
    }
