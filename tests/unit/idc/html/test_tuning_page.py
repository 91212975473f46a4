"""The page on a tuning job."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from unit.idc.html.document import Document

from idc.convert.report.building import Report
from idc.tune.report import axis, build
from idc.tune.trials import Trial, as_csv

RANGES = {"rate": {"Name": "rate", "MinValue": "0.001", "MaxValue": "0.1", "ScalingType": "Logarithmic"}}
VALUES = (("0.01", "sgd", 0.7), ("0.1", "adam", 0.9), ("0.001", "<b>", None))


def trials() -> list[Trial]:
    return [
        Trial(
            job=f"t-{number:03d}",
            definition="",
            status="Failed" if objective is None else "Completed",
            values={"rate": rate, "optimizer": optimizer},
            metric="" if objective is None else "validation:accuracy",
            objective=objective,
            created=f"2026-11-01T12:0{number}:00+00:00",
            ended=f"2026-11-01T12:0{number + 1}:30+00:00",
        )
        for number, (rate, optimizer, objective) in enumerate(VALUES, 1)
    ]


def built(**changes: Any) -> Report:
    own = {"ranges": RANGES, "is_maximized": True, "variant": "mxnet", "is_synthetic": True, **changes}
    return build("t", trials(), best=trials()[1], **own)


def test_the_page_says_which_is_best_and_shows_every_job() -> None:
    page = Document.of(built().html)

    rows = page.rows("training job")
    assert list(rows) == ["t-002", "t-001", "t-003"]
    assert rows["t-002"] == ["Completed", "0.9000", "0.1", "adam"]
    assert rows["t-003"] == ["Failed", "–", "0.001", "<b>"]
    assert "Tuning of mxnet" in page.text
    assert "Research software, not a diagnostic device" in page.text
    assert "SYNTHETIC DATA" in page.text
    assert sum(tag == "svg" for tag, _ in page.tags) == 2


def test_the_page_needs_nothing_else_and_is_the_same_again() -> None:
    page = Document.of(built(is_synthetic=False).html)

    assert "SYNTHETIC" not in page.text
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in page.tags}
    assert built() == built()


def test_the_charts_are_pictures_too() -> None:
    pictures = built().pictures

    assert set(pictures) == {"tuning", "coordinates"}
    for content in pictures.values():
        with Image.open(io.BytesIO(content)) as picture:
            assert picture.format == "PNG"
            assert min(picture.size) > 100


def test_an_axis_is_on_the_scale_of_its_range() -> None:
    rate = axis("rate", trials(), RANGES["rate"])
    optimizer = axis("optimizer", trials(), None)

    assert rate.places == pytest.approx([0.5, 1, 0])
    assert [text for _, text in rate.ticks] == ["0.001", "0.1"]
    assert optimizer.places == pytest.approx([1, 0.5, 0])  # <b>, adam, sgd


def test_a_trial_of_another_definition_has_no_place_on_an_axis() -> None:
    places = axis("depth", trials(), {"MinValue": "1", "MaxValue": "3", "ScalingType": "Linear"}).places

    assert np.isnan(places).all()


def test_the_table_has_a_column_for_each_hyperparameter() -> None:
    header, first, *_, last = as_csv(trials()).decode().splitlines()

    assert header == "job,definition,status,metric,objective,created,ended,rate,optimizer"
    assert first.startswith("t-001,,Completed,validation:accuracy,0.7,")
    assert last.split(",")[4] == ""
