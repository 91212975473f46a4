"""All candidates of a partition side by side, as a person reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from idc.evaluate.names import METRICS, figure

SHOWN = ("accuracy", "balanced_accuracy", "recall", "specificity", "f1", "roc_auc")
HEADER = ("candidate", *(METRICS[name] for name in SHOWN))
BASELINE = "always class 0"


def rows(metrics: Sequence[Mapping[str, Any]], side: str = "test") -> list[list[str]]:
    """Return a row for each metrics.json, and last one for always answering class 0: values with bounds."""
    table = [[one["variant"], *_cells(one[side])] for one in metrics]
    return [*table, [BASELINE, *_cells(metrics[0][side]["always_class_0"])]]


def text(metrics: Sequence[Mapping[str, Any]], side: str = "test") -> str:
    """Return the table for a log."""
    table = [list(HEADER), *rows(metrics, side)]
    widths = [max(len(row[column]) for row in table) for column in range(len(HEADER))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table)
    return "\n".join(line.rstrip() for line in lines)


def _cells(measured: Mapping[str, Any]) -> list[str]:
    return [figure(measured[name]) for name in SHOWN]
