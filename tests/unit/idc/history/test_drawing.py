"""The drawing of the history: whoever was measured is on it, and it may stand in any page."""

from __future__ import annotations

import re

import pytest

from idc.evaluate import metrics_table
from idc.history import drawing, series
from idc.history.months import Figure, Measured, champion_of, figures
from idc.variants.all import VARIANTS

HALF = 0.5  # a unit of the SVG
METRIC = metrics_table.metric("balanced_accuracy")


def months(*names: str, number: int = 3) -> list[Measured]:
    candidates = {
        name: {METRIC.key: Figure(0.7 + at / 20, None if at else 0.6, 0.95)} for at, name in enumerate(names)
    }
    return [Measured(f"2026-{month:02d}", candidates, names[0]) for month in range(1, number + 1)]


def test_every_candidate_is_drawn_in_its_colour() -> None:
    names = [*VARIANTS, "retired", "champion"]
    svg = drawing.drawn(months(*names), METRIC).svg

    for name in [*names, "in service, 95 % bounds", "2026-01", METRIC.label]:
        assert f">{name}</text>" in svg
    for name in VARIANTS:
        assert f"var(--{name})" in svg


def test_it_obeys_a_policy_that_forbids_inline_styles() -> None:
    svg = drawing.drawn(months("mxnet", "<b>", "$x$"), METRIC).svg

    assert "style" not in svg
    assert "&lt;b&gt;" in svg
    assert ">$x$</text>" in svg


def test_the_box_is_where_the_axes_are() -> None:
    drawn = drawing.drawn(months("mxnet"), METRIC)
    left, top, right, bottom = drawn.box
    [(width, height)] = re.findall(r'viewBox="0 0 (\S+) (\S+)"', drawn.svg)

    assert 0 < left < right <= float(width)
    assert 0 < top < bottom < float(height)
    marks = re.findall(r'<use xlink:href="#\w+" x="([\d.]+)" y="([\d.]+)"', drawn.svg)
    places = [float(x) for x, y in marks if abs(float(y) - bottom) < HALF]
    assert places[:3] == pytest.approx([left + (at + 0.5) / 3 * (right - left) for at in range(3)], abs=HALF)


def test_colours_differ_between_light_and_dark_and_unknown_names_are_grey() -> None:
    css = series.css("@media (prefers-color-scheme: dark) { :root { {} } }")

    for name in VARIANTS:
        light, dark = re.findall(rf"--{name}: ([^;]+);", css)
        assert light != dark
        assert f".{name} {{ --of: var(--{name}); }}" in css
    assert series.series("retired").colour == series.MUTED
    assert series.in_order(["champion", "retired", *reversed(VARIANTS)]) == [*VARIANTS, "retired", "champion"]


def test_what_is_no_figure_is_left_out() -> None:
    one = {"value": 0.5, "low": None, "high": 0.6}
    measured = {"f1": one, "recall": {"value": None}, "patients": 3, "roc_auc": {"value": "0.5"}}

    assert figures(measured) == {"f1": Figure(0.5, None, 0.6)}
    assert figures(None) == {}
    assert champion_of({"outcome": "deploy", "variant": "mxnet", "result": None}) == ""
