"""The history on the page: the newest partitions with their metrics, and the drawing of one metric."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from idc.dashboard.documents import Documents, Entry
from idc.errors import ConfigurationError
from idc.evaluate import metrics_table
from idc.evaluate.metrics_table import Metric, Place
from idc.history import drawing, series
from idc.history.months import Figure, Measured, champion_of, figures

CANDIDATES = "candidates/"
LONGEST = 36
RECENT = 3  # partitions that may be changing
SETTLED_S = 300.0  # the age at which the listing of another partition is refreshed
METRICS, DECISION = "/metrics.json", "decision.json"
DRAWINGS = 64  # drawings that a process remembers

# A partition with its candidates' figures by name, and its champion.
Drawn = tuple[str, tuple[tuple[str, Figure], ...], str]


def history(documents: Documents, key: str = "", limit: int = LONGEST) -> dict[str, Any]:
    """Return the newest partitions, oldest first, with their metrics on test patients, and one metric drawn.

    `{"partitions": [{"partition", "synthetic", "candidates": [{"name", "metrics"}]}], "names": candidates,
    "metrics": rows of the table that were measured, "metric": the row that is drawn, "chart": {"svg", "box"},
    "left_out": the number of older partitions}`; `metric` and `chart` are None if nothing was measured.

    Raises:
        ConfigurationError: the history offers no metric `key`.
    """
    offered = metrics_table.shown(Place.HISTORY)
    if key and key not in {row.key for row in offered}:
        expected = f"one of {', '.join(row.key for row in offered)}"
        raise ConfigurationError("metric", repr(key), "not in the history", expected, "Correct the address.")
    names = documents.folders(CANDIDATES)
    lines, measured = _read(documents, names[-limit:])
    rows = [
        row for row in offered if any(row.key in one for line in measured for one in line.candidates.values())
    ]
    metric = next((row for row in rows if row.key == key), rows[0] if rows else None)
    return {
        "partitions": lines,
        "names": series.in_order({one["name"] for line in lines for one in line["candidates"]}),
        "metrics": [row.to_dict() for row in rows],
        "metric": metric and metric.to_dict(),
        "chart": metric and _chart(metric, measured),
        "left_out": len(names) - len(lines),
    }


def _read(documents: Documents, names: Sequence[str]) -> tuple[list[dict[str, Any]], list[Measured]]:
    prefixes = [f"{CANDIDATES}{name}/" for name in names]
    settled = documents.entries_of(prefixes[:-RECENT], SETTLED_S)
    listed = [*settled, *documents.entries_of(prefixes[-RECENT:])]
    wanted = [
        entry for entries in listed for entry in entries if entry.key.endswith((METRICS, f"/{DECISION}"))
    ]
    found = documents.read(wanted)
    lines, measured = [], []
    for name, prefix, entries in zip(names, prefixes, listed, strict=True):
        own = _own(prefix, entries, found)
        decision = own.pop(DECISION, None)
        metrics = {who.removesuffix(METRICS): one for who, one in own.items()}
        lines.append(_line(name, metrics))
        told = {who: figures(one.get("test")) for who, one in metrics.items()}
        measured.append(Measured(name, told, champion_of(decision)))
    return lines, measured


def _own(
    prefix: str, entries: Sequence[Entry], found: Mapping[str, Mapping[str, Any]]
) -> dict[str, Mapping[str, Any]]:
    keys = [entry.key for entry in entries if entry.key in found]
    return {key.removeprefix(prefix): found[key] for key in keys}


def _line(name: str, metrics: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    shown = {row.key for row in metrics_table.shown(Place.HISTORY)}
    return {
        "partition": name,
        "synthetic": any(bool(one.get("synthetic")) for one in metrics.values()),
        "candidates": [
            {
                "name": who,
                "metrics": {
                    key: figure.to_dict()
                    for key, figure in figures(metrics[who].get("test")).items()
                    if key in shown
                },
            }
            for who in series.in_order(metrics)
        ],
    }


def _chart(metric: Metric, measured: Sequence[Measured]) -> dict[str, Any]:
    months: list[Drawn] = []
    for month in measured:
        points = [(who, found.get(metric.key)) for who, found in month.candidates.items()]
        own = tuple((who, one) for who, one in points if one is not None)
        months.append((month.partition, own, month.champion))
    return _drawn(metric, tuple(months))


@functools.lru_cache(maxsize=DRAWINGS)
def _drawn(metric: Metric, months: tuple[Drawn, ...]) -> dict[str, Any]:
    """Return a drawing; the same figures are drawn once."""
    measured = [
        Measured(name, {who: {metric.key: figure} for who, figure in points}, champion)
        for name, points, champion in months
    ]
    drawn = drawing.drawn(measured, metric)
    return {"svg": drawn.svg, "box": drawn.box}
