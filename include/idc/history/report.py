"""The page on all partitions: patients, datasets and metrics by month."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from idc.convert.report.building import Report
from idc.evaluate import metrics_table
from idc.evaluate.metrics_table import DECIDES, Place
from idc.history import drawing, series
from idc.history.months import Month
from idc.html.page import TEMPLATES

PICTURE = "history"
_DARK = "@media (prefers-color-scheme: dark) { :root { {} } }"


def build(months: Sequence[Month]) -> Report:
    """Return the page, and the chart of the metric that decides."""
    metric = metrics_table.metric(DECIDES)
    main = drawing.printed(months, metric, PICTURE)
    others = [row for row in metrics_table.shown(Place.HISTORY) if row != metric]
    text = TEMPLATES.get_template("history/report.html").render(
        months=list(reversed(months)),
        metric=metric,
        is_synthetic=any(month.synthetic for month in months),
        chart=Markup(main.svg),  # noqa: S704  (drawn by this package)
        others=[(row, Markup(drawing.drawn(months, row).svg)) for row in others],  # noqa: S704  (the same)
        colours=Markup(series.css(_DARK)),  # noqa: S704  (made by this package)
    )
    return Report(text.encode(), {PICTURE: main.png})
