"""The page on all partitions: how patients, datasets and metrics went on from month to month."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes

from idc.convert.report.building import Report
from idc.history.partitions import Figure, Month
from idc.html.charts import MUTED, ONE, Chart, chart
from idc.html.page import TEMPLATES
from idc.variants.all import VARIANTS

METRIC, LABEL = "balanced_accuracy", "balanced accuracy on test patients"


def build(months: Sequence[Month]) -> Report:
    """Return the page and its chart."""
    drawn = metric_over_months(months)
    text = TEMPLATES.get_template("history/report.html").render(
        months=list(reversed(months)),
        metric=METRIC,
        label=LABEL,
        is_synthetic=any(month.synthetic for month in months),
        chart=Markup(drawn.svg),  # noqa: S704  (drawn by this package)
    )
    return Report(text.encode(), {drawn.name: drawn.png})


def metric_over_months(months: Sequence[Month], metric: str = METRIC) -> Chart:
    """Return a mark for each candidate of each month, and the champions as a line with their bounds."""
    places = {month.partition: place for place, month in enumerate(months)}

    def draw(axes: Axes) -> None:
        for variant, declared in VARIANTS.items():
            shown = [month for month in months if metric in month.candidates.get(variant, {})]
            xs = [places[month.partition] for month in shown]
            ys = [month.candidates[variant][metric].value for month in shown]
            axes.scatter(xs, ys, marker=declared.marker, s=30, color=MUTED, alpha=0.8, label=variant)
        best = [(places[month.partition], found) for month in months if (found := _best(month, metric))]
        if best:
            figures = [figure for _, figure in best]
            values = np.array([figure.value for figure in figures])
            lows = np.array([figure.value if figure.low is None else figure.low for figure in figures])
            highs = np.array([figure.value if figure.high is None else figure.high for figure in figures])
            bounds = np.clip([values - lows, highs - values], 0, None)
            axes.errorbar(
                [place for place, _ in best],
                values,
                yerr=bounds,
                color=ONE,
                linewidth=1.8,
                capsize=3,
                label="champion, 95 % bounds",
            )
        axes.set_xticks(range(len(months)), [month.partition for month in months], rotation=30, ha="right")
        axes.set_xlim(-0.5, max(len(months), 1) - 0.5)
        axes.set_ylim(0, 1.02)
        axes.set_ylabel(LABEL)
        axes.legend(loc="lower right", ncols=2, fontsize=8)

    return chart("history", (7.2, 3.6), draw)


def _best(month: Month, metric: str) -> Figure | None:
    return month.candidates.get(month.best(metric), {}).get(metric)
