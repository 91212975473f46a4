"""The one table of metrics: name, label, format, direction, where it is shown, which gate judges it.

Keys are scikit-learn's, as in `metrics.json`. Reports, cards, gates, monitoring, the history, the demo's
summary and the Airflow page read this table. To add a metric, compute it in `metrics.py` and add a row here.
The evaluation fails if a computed metric has no row, or a row no value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Literal, TypeVar

from idc.errors import ConfigurationError

Value = TypeVar("Value")

DECIDES = "balanced_accuracy"  # picks the best candidate, and is compared with the champion's


class Direction(StrEnum):
    """Which values of a metric are better."""

    HIGHER = "higher"
    LOWER = "lower"


class Place(StrEnum):
    """Where a metric is shown besides report, card and page, which show all metrics."""

    SUMMARY = "summary"  # the table in the evaluation's log and in the output of `make demo`
    HEADLINE = "headline"  # the figures at the top of the report
    PLOT = "plot"  # the plots of the page
    HISTORY = "history"  # the metrics that the page's history offers
    APPROVAL = "approval"  # the question to the person who approves
    LABELS = "labels"  # monitoring: measured on doctors' labels
    TASKS = "tasks"  # the XCom of the evaluation


@dataclass(frozen=True)
class Metric:
    """A row of the table; `gate` names the setting that limits the judged bound, empty for no gate."""

    key: str
    label: str
    places: frozenset[Place] = frozenset()
    direction: Direction = Direction.HIGHER
    digits: int = 3
    gate: str = ""

    @property
    def judged_bound(self) -> Literal["low", "high"]:
        """The bound that gates judge: the pessimistic one."""
        return "low" if self.direction is Direction.HIGHER else "high"

    def number(self, value: float | None, *, sign: bool = False) -> str:
        """Return a value in the metric's format, a dash for None."""
        return "–" if value is None else f"{value:{'+' if sign else ''}.{self.digits}f}"

    def text(self, figure: Mapping[str, Any]) -> str:
        """Return a figure of metrics.json as `0.812 (0.790–0.834)`, without bounds where it has none."""
        if figure["value"] is None:
            return "none"
        low, high = figure["low"], figure["high"]
        bounds = "" if low is None or high is None else f" ({self.number(low)}–{self.number(high)})"
        return f"{self.number(figure['value'])}{bounds}"

    def to_dict(self) -> dict[str, Any]:
        """Return what the pages need to show the metric."""
        return {name: value for name, value in asdict(self).items() if name not in ("places", "gate")}


def _row(key: str, label: str, *places: Place, **others: Any) -> Metric:
    return Metric(key, label, frozenset(places), **others)


# In the order in which they are shown.
METRICS: tuple[Metric, ...] = (
    _row(DECIDES, "balanced accuracy", *Place, gate="gate_balanced_accuracy"),
    _row("recall", "sensitivity", *Place, gate="gate_sensitivity"),
    _row("specificity", "specificity", *Place),
    _row("roc_auc", "AUC-ROC", *(set(Place) - {Place.LABELS})),
    _row("average_precision", "AUC-PR (average precision)", Place.HISTORY, Place.APPROVAL),
    _row("f1", "F1", Place.SUMMARY),
    _row("precision", "precision (PPV)"),
    _row("accuracy", "accuracy", Place.SUMMARY),
    _row("recall_at_90_specificity", "sensitivity at 90 % specificity"),
    _row("brier_score", "Brier score", Place.HISTORY, direction=Direction.LOWER),
    _row(
        "expected_calibration_error",
        "expected calibration error",
        Place.HEADLINE,
        Place.APPROVAL,
        direction=Direction.LOWER,
    ),
)


def metric(key: str) -> Metric:
    """Return a metric's row; a metric without a row is labelled by its key."""
    return next((row for row in METRICS if row.key == key), Metric(key, key.replace("_", " ")))


def shown(place: Place) -> tuple[Metric, ...]:
    """Return the metrics that are shown in one place."""
    return tuple(row for row in METRICS if place in row.places)


def gated() -> tuple[Metric, ...]:
    """Return the metrics that have a gate."""
    return tuple(row for row in METRICS if row.gate)


def rows(measured: Mapping[str, Any]) -> list[Metric]:
    """Return every metric in a measured split of metrics.json; those without a row come last."""
    present = {key for key, value in measured.items() if isinstance(value, Mapping) and "value" in value}
    return rows_of(present)


def rows_of(keys: Iterable[str]) -> list[Metric]:
    """Return the rows of these metrics in the table's order; those without a row come last."""
    wanted = set(keys)
    known = [row for row in METRICS if row.key in wanted]
    return [*known, *(metric(key) for key in sorted(wanted - {row.key for row in known}))]


def ordered(computed: Mapping[str, Value]) -> dict[str, Value]:
    """Return computed metrics in the table's order.

    Raises:
        ConfigurationError: a metric has no row, or a row has no value.
    """
    keys = [row.key for row in METRICS]
    if unequal := set(keys) ^ set(computed):
        which, expected = ", ".join(sorted(unequal)), "a row and a value for each"
        action = "Complete idc/evaluate/metrics_table.py or idc/evaluate/metrics.py."
        raise ConfigurationError("metrics", which, "only in the table or only computed", expected, action)
    return {key: computed[key] for key in keys}
