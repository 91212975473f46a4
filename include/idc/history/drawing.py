"""The one drawing of the history: a metric of every candidate by partition, and the champions' as a line.

The report and the Airflow page both show it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from idc.evaluate.metrics_table import Metric
from idc.history import series
from idc.history.months import Measured
from idc.html.charts import INK, Chart, Vector, chart, vector

SIZE = (10.0, 3.4)  # inches
_LABELS = 18  # the most partitions that are named on the axis


def drawn(months: Sequence[Measured], metric: Metric) -> Vector:
    """Return the drawing as SVG."""
    return vector(f"history-{metric.key}", SIZE, lambda axes: _draw(axes, months, metric), series.colours())


def printed(months: Sequence[Measured], metric: Metric, name: str) -> Chart:
    """Return the drawing as SVG and PNG."""
    return chart(name, SIZE, lambda axes: _draw(axes, months, metric), colours=series.colours())


def _draw(axes: Axes, months: Sequence[Measured], metric: Metric) -> None:
    for name in series.in_order({name for month in months for name in month.candidates}):
        _draw_candidates(axes, months, metric, name)
    _draw_champions(axes, months, metric)
    every = -(-len(months) // _LABELS)
    labels = [_plain(month.partition) for month in months]
    axes.set_xticks(range(0, len(months), max(every, 1)), labels[:: max(every, 1)], rotation=30, ha="right")
    axes.set_xlim(-0.5, max(len(months), 1) - 0.5)
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, -0.02), min(high, 1.02))
    axes.set_ylabel(metric.label)
    axes.grid(axis="y", linewidth=0.6, alpha=0.35)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=7, fontsize=8, columnspacing=1.2)


def _draw_candidates(axes: Axes, months: Sequence[Measured], metric: Metric, name: str) -> None:
    values = [(at, month.figure(name, metric.key)) for at, month in enumerate(months)]
    found = [(at, figure.value) for at, figure in values if figure is not None]
    if not found:
        return
    look = series.series(name)
    xs, ys = zip(*found, strict=True)
    axes.plot(
        xs,
        ys,
        color=look.colour,
        marker=look.marker,
        markersize=4.5,
        linewidth=0.9,
        alpha=0.9,
        label=_plain(name),
    )


def _draw_champions(axes: Axes, months: Sequence[Measured], metric: Metric) -> None:
    """Draw the champions with their bounds; the best candidate where nothing is decided."""
    best = [(at, month.figure(month.best(metric.key), metric.key)) for at, month in enumerate(months)]
    found = [(at, figure) for at, figure in best if figure is not None]
    if not found:
        return
    values = np.array([figure.value for _, figure in found])
    lows = np.array([figure.value if figure.low is None else figure.low for _, figure in found])
    highs = np.array([figure.value if figure.high is None else figure.high for _, figure in found])
    places = [at for at, _ in found]
    axes.fill_between(places, lows, highs, color=INK, alpha=0.12, linewidth=0)
    axes.plot(places, values, color=INK, linewidth=2.0, label="in service, 95 % bounds")


def _plain(text: str) -> str:
    """Return a text that matplotlib takes for no formula."""
    return text.replace("$", r"\$")
