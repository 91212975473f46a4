"""Build the report of a day's monitoring: drift, answers and labels of the served model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes

from idc.convert.report.building import Report
from idc.evaluate import metrics_table
from idc.evaluate.metrics_table import Place
from idc.html.charts import CLASS_NAMES, ONE, ZERO, Chart, chart
from idc.html.page import TEMPLATES
from idc.monitor.drift import WATCH
from idc.monitor.quantities import NAMES, PROBABILITY

SHOWN = ("hematoxylin", "eosin", "tissue")


def build(found: Mapping[str, Any]) -> Report:
    """Return the page on monitoring.json and its charts; the same document gives the same bytes."""
    charts = list(_charts(found["drift"]))
    text = TEMPLATES.get_template("monitor/report.html").render(
        found=found,
        names=NAMES,
        metrics=[metric for metric in metrics_table.shown(Place.LABELS) if metric.key in found["feedback"]],
        class_names=CLASS_NAMES,
        watch=WATCH,
        is_told=not found["feedback"]["reason"] or any("shares" in one for one in found["drift"].values()),
        is_synthetic=bool(found["model"] and found["model"]["synthetic"]),
        charts={one.name: Markup(one.svg) for one in charts},  # noqa: S704  (drawn by this package)
    )
    return Report(text.encode(), {one.name: one.png for one in charts})


def _charts(drift: Mapping[str, Mapping[str, Any]]) -> Iterator[Chart]:
    told = {name: one for name, one in drift.items() if "shares" in one}
    if PROBABILITY in told:
        yield tenths(PROBABILITY, [(NAMES[PROBABILITY], told[PROBABILITY])])
    if set(SHOWN) <= set(told):
        yield tenths("stains", [(NAMES[name], told[name]) for name in SHOWN])


def tenths(name: str, quantities: Sequence[tuple[str, Mapping[str, Any]]]) -> Chart:
    """Return the share of patches in each bin of a reference, by quantity; the reference's is a line."""

    def draw(*all_axes: Axes) -> None:
        for axes, (title, one) in zip(all_axes, quantities, strict=True):
            now, before = (100 * np.array(one[name]) for name in ("shares", "reference_shares"))
            places = np.arange(len(now))
            sides, ends = np.append(places - 0.5, places[-1] + 0.5), np.append(before, before[-1])
            axes.bar(places, now, color=ZERO, alpha=0.75, label="these days")
            axes.step(sides, ends, where="post", color=ONE, linewidth=1.8, label="when evaluated")
            axes.set_title(title)
            marks = range(0, len(one["edges"]), 2 if len(quantities) == 1 else 4)
            axes.set_xticks([at + 0.5 for at in marks], [f"{one['edges'][at]:.3g}" for at in marks])
        all_axes[0].set_ylabel("patches, %")
        all_axes[0].legend(fontsize=8)

    return chart(name, (7.2, 2.9), draw, columns=len(quantities))
