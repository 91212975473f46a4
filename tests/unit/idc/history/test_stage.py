"""The page on all partitions, made of what the stages left in S3."""

from __future__ import annotations

import json
from typing import Any

import pytest

from idc import layout
from idc.converter.manifest import Manifest
from idc.history import stage
from idc.history.months import Figure
from idc.ingest.snapshot import point_to_dataset
from idc.storage import ObjectStore
from idc.train import candidates

MONTHS = ["2026-08", "2026-09", "2026-10"]


def leave(store: ObjectStore, partition: str, variants: dict[str, float], decision: Any = None) -> None:
    """Leave what the stages leave of one partition."""
    manifest = Manifest(
        partition=partition,
        source="synthetic://",
        synthetic=True,
        sha256="0" * 64,
        size_bytes=1,
        patients=int(partition[-2:]),
        patches={"0": 70, "1": 30},
        doubled_members=0,
        refused_count=0,
        refused=[],
    )
    store.put(layout.manifest(partition), manifest.to_json())
    point_to_dataset(store, partition, partition[-1] * 64)
    for variant, value in variants.items():
        figure = {"value": value, "low": value - 0.1, "high": min(value + 0.1, 1)}
        test = {"patients": 2, "patches": 20, "threshold": 0.5, "balanced_accuracy": figure}
        candidates.write_json(store, layout.metrics(partition, variant), {"test": test})
    if decision:
        candidates.write_json(store, layout.decision(partition), decision)


@pytest.fixture
def months(store: ObjectStore) -> ObjectStore:
    served = {"outcome": "deploy", "variant": "mxnet", "result": {"is_deployed": True}}
    leave(store, MONTHS[0], {"mxnet": 0.7, "tensorflow": 0.8}, served)
    leave(store, MONTHS[1], {"mxnet": 0.6, "champion": 0.75}, {"outcome": "keep", "variant": "mxnet"})
    leave(store, MONTHS[2], {"mxnet": 0.7, "tensorflow": 0.9})
    return store


def test_each_month_has_its_champion_or_its_best_candidate(months: ObjectStore) -> None:
    found = list(stage.read(months))

    assert [month.partition for month in found] == MONTHS
    assert [month.champion for month in found] == ["mxnet", "champion", ""]
    assert [month.best("balanced_accuracy") for month in found] == ["mxnet", "champion", "tensorflow"]
    assert [month.patients for month in found] == [8, 9, 10]
    assert len({month.dataset_digest for month in found}) == 3


def test_a_model_that_did_not_come_up_is_no_champion(months: ObjectStore) -> None:
    candidates.write_json(months, layout.decision(MONTHS[0]), {"outcome": "deploy", "variant": "mxnet"})

    assert [month.champion for month in stage.read(months)] == ["", "champion", ""]


def test_a_candidate_of_a_variant_that_is_gone_is_shown(months: ObjectStore) -> None:
    test = {"balanced_accuracy": {"value": 0.95, "low": 0.9, "high": 1.0}}
    candidates.write_json(months, layout.metrics(MONTHS[2], "retired"), {"test": test})

    newest = list(stage.read(months))[2]

    assert list(newest.candidates) == ["tensorflow", "mxnet", "retired"]
    assert newest.best("balanced_accuracy") == "retired"
    stage.run(months)
    assert ">retired</text>" in months.get(layout.history_page()).decode()


def test_page_and_chart_are_written(months: ObjectStore) -> None:
    facts = stage.run(months)

    page = months.get(layout.history_page()).decode()
    assert facts == {"page": months.uri(layout.history_page()), "partitions": 3}
    assert months.get(layout.history_picture()).startswith(b"\x89PNG")
    assert "SYNTHETIC DATA" in page
    assert "0.900 (0.800–1.000)" in page
    assert page.index("2026-10") < page.rindex("2026-08")


def test_a_champion_that_has_seen_every_patient_has_no_figure(months: ObjectStore) -> None:
    candidates.write_json(months, layout.metrics(MONTHS[1], "champion"), {"test": None})

    found = list(stage.read(months))[1]

    assert found.champion == "champion"
    assert found.best("balanced_accuracy") == "champion"
    assert stage.run(months)["partitions"] == 3


def test_a_figure_without_bounds_is_told_too(months: ObjectStore) -> None:
    alone = {"value": 0.7, "low": None, "high": None, "reason": "a single patient has no bounds"}
    candidates.write_json(months, layout.metrics(MONTHS[2], "mxnet"), {"test": {"balanced_accuracy": alone}})

    [*_, newest] = stage.read(months)

    assert newest.candidates["mxnet"]["balanced_accuracy"] == Figure(0.7, None, None)
    assert stage.run(months)["partitions"] == 3


def test_before_anything_is_measured_there_is_a_page_too(store: ObjectStore) -> None:
    leave(store, "2026-10", {})

    stage.run(store)

    assert json.dumps(stage.run(store))
    assert "2026-10" in store.get(layout.history_page()).decode()
