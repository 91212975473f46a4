"""A new row in the table of metrics shows in report, card, history, approval, monitoring and page."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import airflow_home  # noqa: F401  (before Airflow)
import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from unit.idc.html.conftest import Converted
from unit.idc.html.document import Document
from unit.idc.html.measured import PARTITION, measured_by

from histoflow.pages import models
from idc import layout
from idc.dashboard.documents import Documents
from idc.deploy.decision import Challenger, Gates, SmokeSet, decide
from idc.deploy.question import question
from idc.evaluate import comparison, metrics, metrics_table
from idc.evaluate.metrics_table import Metric, Place
from idc.evaluate.report import stage as reports
from idc.evaluate.report.evaluation import read_evaluation
from idc.history import stage as history
from idc.monitor import feedback
from idc.storage import ObjectStore

ROW = Metric("informedness", "informedness (Youden)", frozenset(Place), digits=2, gate="gate_sensitivity")


@pytest.fixture(scope="module")
def store(generated: Converted) -> Iterator[ObjectStore]:
    """A candidate measured by a table with one more row; its reports and the history's."""
    computed = metrics._measure_answers

    def more(*arguments: Any) -> dict[str, Any]:
        found = computed(*arguments)
        return {**found, ROW.key: 2 * found["balanced_accuracy"] - 1}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics_table, "METRICS", (*metrics_table.METRICS, ROW))
        patch.setattr(metrics, "_measure_answers", more)
        measured_by(generated, _answers, champion=lambda names: np.random.default_rng(9).random(len(names)))
        reports.evaluation(generated.store, partition=PARTITION, variant="mxnet")
        history.run(generated.store)
        yield generated.store


def _answers(names: np.ndarray) -> np.ndarray:
    label = np.char.find(names, "class1") >= 0
    return np.clip(0.2 + 0.6 * label + np.random.default_rng(4).normal(0, 0.2, len(names)), 0.01, 0.99)


def test_report_and_card_show_it(store: ObjectStore) -> None:
    test = read_evaluation(store, PARTITION, "mxnet").metrics["test"]
    text = ROW.text(test[ROW.key])
    report = Document.of(store.get(layout.evaluation_report(PARTITION, "mxnet")))
    card = Document.of(store.get(layout.card(PARTITION, "mxnet", "html")))

    assert report.rows("metric")[ROW.label][0] == text.replace(" (", "(")
    [compared] = [rows for rows in report.tables if rows[0][1:] == ["this model less the champion"]]
    assert compared[-1][0] == ROW.label
    assert report.text.count(ROW.label) == 3, "at the top, in the table, in the comparison"
    assert card.rows("metric")[ROW.label][0] == ROW.number(test[ROW.key]["value"])
    assert f'"{ROW.label}"' in store.get(layout.card(PARTITION, "mxnet")).decode()


def test_summary_approval_gates_and_monitoring_have_it(store: ObjectStore) -> None:
    document = read_evaluation(store, PARTITION, "mxnet").metrics
    limits = {row.key: 0.0 for row in metrics_table.gated()}
    challenger = Challenger(document, "b" * 64, True, SmokeSet("1", 0.1, 0.9))
    decision = decide(challenger, None, Gates(limits, 0.02, is_strict=True))
    labels = [
        feedback.Label(f"{at}", "", f"{at % 7}", 1, at % 2, at % 2 / 2 + 0.2, "p", "s3://b/k")
        for at in range(60)
    ]

    assert comparison.header()[-1] == ROW.label
    assert comparison.rows([document])[0][-1] == ROW.text(document["test"][ROW.key])
    asked = question(document, decision.to_dict(), {})
    assert f"| {ROW.label} | {ROW.text(document['test'][ROW.key])} |" in asked
    assert ROW.label in [gate.name for gate in decision.gates]
    assert feedback.measured(labels, 0.5, 10)[ROW.key]["value"] == 1.0


def test_the_history_draws_it(store: ObjectStore) -> None:
    page = store.get(layout.history_page()).decode()

    assert f"<summary>{ROW.label}</summary>" in page
    assert page.count("<svg") == len(metrics_table.shown(Place.HISTORY))


def test_the_page_is_told_of_it(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    app = FastAPI()
    app.include_router(models.router)
    for route in app.routes:
        for needed in getattr(route, "dependencies", []):
            app.dependency_overrides[needed.dependency] = lambda: None
    with ThreadPoolExecutor(2) as executor:
        found = SimpleNamespace(documents=Documents(lambda: store, executor))
        monkeypatch.setattr(models, "sources", lambda: found)
        client = TestClient(app)
        partition = client.get(f"/api/partitions/{PARTITION}").json()
        past = client.get("/api/partitions", params={"metric": ROW.key}).json()
        refused = client.get("/api/partitions", params={"metric": "nothing"})

    row = {"key": ROW.key, "label": ROW.label, "direction": "higher", "digits": 2}
    assert partition["metrics"][-1] == row
    assert partition["plotted"][-1] == ROW.key
    [candidate] = partition["candidates"]
    assert set(candidate["test"]["metrics"][ROW.key]) == {"value", "low", "high"}
    assert (past["metrics"][-1], past["metric"]) == (row, row)
    assert ROW.label in past["chart"]["svg"]
    assert ROW.key in past["partitions"][-1]["candidates"][0]["metrics"]
    assert (refused.status_code, "not in the history" in refused.json()["detail"]) == (404, True)
