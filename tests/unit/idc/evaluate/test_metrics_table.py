"""The table of metrics: complete, in order, and read by everything that shows metrics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from idc.errors import ConfigurationError
from idc.evaluate import metrics_table
from idc.evaluate.metrics import measure
from idc.evaluate.metrics_table import METRICS, Direction, Metric
from idc.evaluate.predictions import Predictions
from idc.settings import Settings
from idc.variants.all import VARIANTS

STATIC = Path(__file__).resolve().parents[4] / "plugins/histoflow/pages/static"
COLUMN = np.array(["a", "b", "c", "d"])
PREDICTIONS = Predictions(
    COLUMN, COLUMN, np.array([0, 1, 0, 1]), np.full(4, "test"), np.array([0.1, 0.9, 0.6, 0.7])
)


def test_every_computed_metric_has_a_row_and_every_row_a_value() -> None:
    measured = measure(PREDICTIONS, threshold=0.5, seed=1, draws=2)

    assert list(measured.by_draw) == [row.key for row in METRICS]
    assert [row.key for row in metrics_table.rows(measured.to_dict())] == [row.key for row in METRICS]


@pytest.mark.parametrize(
    ("table", "key"), [(METRICS[1:], METRICS[0].key), ((*METRICS, Metric("forgotten", "x")), "forgotten")]
)
def test_a_metric_without_a_row_or_a_row_without_a_value_fails_the_evaluation(
    monkeypatch: pytest.MonkeyPatch, table: tuple[Metric, ...], key: str
) -> None:
    monkeypatch.setattr(metrics_table, "METRICS", table)

    with pytest.raises(ConfigurationError, match=f"metrics {key}: only in the table or only computed"):
        measure(PREDICTIONS, threshold=0.5, seed=1, draws=2)


def test_keys_and_labels_are_unique_and_gates_are_settings() -> None:
    assert len({row.key for row in METRICS}) == len({row.label for row in METRICS}) == len(METRICS)
    assert {row.gate for row in metrics_table.gated()} <= set(Settings.model_fields)
    assert metrics_table.DECIDES in {row.key for row in metrics_table.gated()}


def test_a_metric_without_a_row_is_shown_by_its_key() -> None:
    measured = {"new_metric": {"value": 1.0}, "f1": {"value": None}, "patients": 3, "always_class_0": {}}

    assert [row.label for row in metrics_table.rows(measured)] == ["F1", "new metric"]


@pytest.mark.parametrize(("direction", "bound"), [(Direction.HIGHER, "low"), (Direction.LOWER, "high")])
def test_the_pessimistic_bound_is_judged(direction: Direction, bound: str) -> None:
    assert Metric("a", "a", direction=direction).judged_bound == bound


def test_figures_have_the_format_of_their_row() -> None:
    row = Metric("a", "a", digits=2)

    assert row.text({"value": 0.8119, "low": 0.79, "high": 0.834}) == "0.81 (0.79–0.83)"
    assert row.text({"value": 0.8119, "low": None, "high": None}) == "0.81"
    assert row.text({"value": None, "low": None, "high": None}) == "none"
    assert (row.number(None), row.number(0.1, sign=True)) == ("–", "+0.10")


@pytest.mark.parametrize("file", sorted(STATIC.glob("*.[jc]s*")), ids=lambda file: file.name)
def test_the_page_lists_neither_metrics_nor_variants(file: Path) -> None:
    text = file.read_text().lower()
    words = {*(row.key for row in METRICS if "_" in row.key), *VARIANTS}

    assert {word for word in words if word in text} == set()
