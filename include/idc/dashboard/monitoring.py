"""The newest monitoring reports on the page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from idc import layout
from idc.dashboard.documents import Documents
from idc.evaluate import metrics_table
from idc.evaluate.metrics_table import DECIDES

SHOWN_DAYS = 14
DRIFTED = "drifted"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def newest(documents: Documents, shown: int = SHOWN_DAYS) -> dict[str, Any]:
    """Return the newest monitored days, newest first.

    `{"days": [{"day", "is_over", "model", "patches", "drifted", "labels", "figure", "outcome",
    "reasons"}], "metric": the row of the figures, "left_out": days before these}`; `model` or `figure` is
    None where there is none.
    """
    names = [name for name in documents.folders(layout.MONITORING) if _DAY.fullmatch(name)]
    keys = {layout.monitoring(name): name for name in names[-shown:]}
    found = documents.find(list(keys))
    return {
        "days": [_line(name, found[key]) for key, name in reversed(keys.items()) if key in found],
        "metric": metrics_table.metric(DECIDES).to_dict(),
        "left_out": max(0, len(names) - shown),
    }


def _line(day: str, document: Mapping[str, Any]) -> dict[str, Any]:
    labels, drift = document.get("feedback") or {}, document.get("drift") or {}
    return {
        "day": day,
        "is_over": bool(document.get("is_over")),
        "model": document.get("model"),
        "patches": (document.get("traffic") or {}).get("patches"),
        "drifted": [name for name, one in drift.items() if one.get("status") == DRIFTED],
        "labels": labels.get("patches"),
        "figure": labels.get(DECIDES),
        "outcome": document.get("outcome") or "",
        "reasons": document.get("reasons") or [],
    }
