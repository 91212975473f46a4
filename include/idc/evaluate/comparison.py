"""The table of a partition's candidates in the log and in the demo's summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from idc.evaluate import metrics_table
from idc.evaluate.metrics_table import Place

BASELINE = "always class 0"


def header() -> list[str]:
    """Return the names of the columns."""
    return ["candidate", *(metric.label for metric in metrics_table.shown(Place.SUMMARY))]


def rows(metrics: Sequence[Mapping[str, Any]], side: str = "test") -> list[list[str]]:
    """Return a row of values with bounds for each metrics.json, and a last row for the baseline."""
    table = [[one["variant"], *_cells(one[side])] for one in metrics]
    return [*table, [BASELINE, *_cells(metrics[0][side]["always_class_0"])]]


def notes(metrics: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a line for each training job that several variants share."""
    shared = {tuple(sorted((one["variant"], *one.get("same_training", ())))) for one in metrics}
    return [f"{' and '.join(names)}: same training job" for names in sorted(shared) if len(names) > 1]


def text(metrics: Sequence[Mapping[str, Any]], side: str = "test") -> str:
    """Return the table for a log."""
    table = [header(), *rows(metrics, side)]
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table)
    return "\n".join((*(line.rstrip() for line in lines), *notes(metrics)))


def _cells(measured: Mapping[str, Any]) -> list[str]:
    return [metric.text(measured[metric.key]) for metric in metrics_table.shown(Place.SUMMARY)]
