"""The report on a candidate and its model card: true to the documents, whole in themselves, and readable."""

from __future__ import annotations

import base64
import io
import itertools
import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from jsonschema import Draft202012Validator
from PIL import Image
from unit.idc.html.conftest import Converted
from unit.idc.html.document import Document
from unit.idc.html.measured import PARTITION, measured_by, served
from unit.idc.html.model_card_schema import PACKAGE_CARD

from idc import layout
from idc.convert.report.reading import RUN_BYTES, read_patches, runs
from idc.converter.patches import parse_name
from idc.errors import MissingObject
from idc.evaluate.metrics_table import METRICS
from idc.evaluate.patients import patient_rows
from idc.evaluate.predictions import Predictions
from idc.evaluate.report import stage as stage
from idc.evaluate.report.card import card, page
from idc.evaluate.report.evaluation import EvaluationFacts, EvaluationReport, build, read_evaluation
from idc.evaluate.report.mistakes import choose_slides, worst
from idc.storage import ObjectStore
from idc.train import candidates


def noisy(names: np.ndarray) -> np.ndarray:
    """Answers that are mostly right, by the patch's name alone."""
    label = np.char.find(names, "class1") >= 0
    rng = np.random.default_rng(4)
    return 1 / (1 + np.exp(-(4 * label - 2 + rng.normal(0, 1.6, len(names)))))


@pytest.fixture(scope="module")
def facts(generated: Converted) -> EvaluationFacts:
    """A candidate of the generated dataset, measured against a champion that answers at random."""
    measured_by(generated, noisy, champion=lambda names: np.random.default_rng(9).random(len(names)))
    return read_evaluation(generated.store, PARTITION, "mxnet")


@pytest.fixture(scope="module")
def report(generated: Converted, facts: EvaluationFacts) -> EvaluationReport:
    return build(generated.store, facts)


@pytest.fixture(scope="module")
def shown(report: EvaluationReport) -> Document:
    return Document.of(report.html)


def bounded(figure: dict[str, Any]) -> str:
    if figure["value"] is None:
        return "–"
    return f"{figure['value']:.3f} ({figure['low']:.3f}–{figure['high']:.3f})".replace(" (", "(")


def test_every_metric_stands_beside_the_yardstick(facts: EvaluationFacts, shown: Document) -> None:
    rows = shown.rows("metric")
    test = facts.metrics["test"]
    for metric in METRICS:
        expected_cells = [bounded(test[metric.key]), bounded(test["always_class_0"][metric.key])]
        assert rows[metric.label][:2] == expected_cells, metric.key
    expected = ("SYNTHETIC DATA", "not a diagnostic device", f"{facts.threshold:.3f}")
    for words in (*expected, facts.metrics["model_data"]):
        assert words in shown.text


def test_the_champion_is_compared_and_the_seen_are_counted(facts: EvaluationFacts, shown: Document) -> None:
    compared = facts.metrics["comparison"]
    assert "tensorflow of 2026-09" in shown.text
    assert f"the same patches of {compared['patients']} patient" in shown.text
    [table] = [rows for rows in shown.tables if rows[0] == ["metric", "this model less the champion"]]
    cells = {row[0]: row[1] for row in table[1:]}
    assert cells["AUC-ROC"].startswith(f"{compared['roc_auc']['difference']:+.3f}")


def test_no_comparison_says_why(generated: Converted, facts: EvaluationFacts) -> None:
    nothing = {"difference": None, "low": None, "high": None, "reason": "it has seen them all"}
    compared = {**facts.metrics["comparison"], "patients": 0, "left_out_patients": 2}
    for metric in METRICS:
        compared[metric.key] = nothing

    page = build(generated.store, replace(facts, metrics={**facts.metrics, "comparison": compared})).html

    assert "No comparison: it has seen them all. 2 patients left out." in Document.of(page).text


def test_patients_stand_one_by_one(facts: EvaluationFacts, shown: Document) -> None:
    rows = shown.rows("patient")
    assert list(rows) == [row.patient for row in facts.rows]
    for row in facts.rows:
        assert rows[row.patient][0] == str(row.patches)
        assert rows[row.patient][4] == ("–" if np.isnan(row.sensitivity) else f"{row.sensitivity:.3f}")


def test_the_worst_mistakes_are_shown_as_they_are(
    generated: Converted, facts: EvaluationFacts, shown: Document
) -> None:
    missed = worst(facts.test, facts.threshold, 1)
    alarms = worst(facts.test, facts.threshold, 0)
    assert missed
    assert alarms
    assert [one.probability for one in missed] == sorted(one.probability for one in missed)
    assert all(one.probability < facts.threshold and one.patch.label == 1 for one in missed)
    assert all(one.probability >= facts.threshold and one.patch.label == 0 for one in alarms)
    names = {one.patch.name for one in (*missed, *alarms)}
    images = dict(read_patches(generated.store, generated.index, names, "test"))
    assert set(images) == names
    listed = [attributes["src"] for tag, attributes in shown.tags if attributes.get("class") == "patch"]
    expected = [images[one.patch.name] for one in (*missed, *alarms)]
    assert [base64.b64decode(source.partition(",")[2]) for source in listed] == expected


def test_a_heatmap_shows_probability_over_tissue_and_truth_beside_it(
    facts: EvaluationFacts, report: EvaluationReport
) -> None:
    shares = {row.patient: row.balanced_accuracy for row in facts.rows}
    assert {patient for patient, _ in report.heatmaps} <= set(shares)
    (patient, slide), content = next(iter(report.heatmaps.items()))
    with Image.open(io.BytesIO(content)) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    side = (pixels.shape[1] - 16) // 2
    predicted, truth = pixels[18:, :side], pixels[18:, side + 16 :]
    patches = [parse_name(str(name)) for name in facts.test.patch[facts.test.patient == patient]]
    left, top = (min(getattr(one, axis) for one in patches) for axis in "xy")
    width = max(one.x for one in patches) - left + 50
    scale = min(1, 620 / max(width, max(one.y for one in patches) - top + 50))
    probability = dict(zip(facts.test.patch.tolist(), facts.test.probability.tolist(), strict=True))
    changes = []
    for one in patches:
        x, y = round((one.x - left + 25) * scale), round((one.y - top + 25) * scale)
        at = (slice(y - 4, y + 4), slice(x - 4, x + 4))
        if one.label == 0:  # nothing is drawn over it in the truth
            changes.append((probability[one.name], np.abs(predicted[at] - truth[at]).mean()))
    low = [change for said, change in changes if said < 0.05]
    high = [change for said, change in changes if said > 0.3]
    assert slide == 5
    assert low
    assert high
    assert max(low) < 12 < min(high)


def test_the_page_needs_nothing_else_and_can_be_heard(report: EvaluationReport, shown: Document) -> None:
    html = report.html.decode()
    assert not {"script", "link", "iframe", "object", "base", "form"} & {name for name, _ in shown.tags}
    assert all(source.startswith("data:image/") for source in shown.attributes("src"))
    links = [*shown.attributes("href"), *shown.attributes("xlink:href")]
    assert all(link.startswith("#") for link in links)
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", html))
    assert all(len(attributes["alt"]) > 20 for tag, attributes in shown.tags if tag == "img")
    figures = [attributes for _, attributes in shown.tags if attributes.get("role") == "img"]
    assert len(figures) == len(report.pictures) == 5
    assert all(len(attributes["aria-label"]) > 20 for attributes in figures)
    ids = shown.attributes("id")
    assert len(ids) == len(set(ids))


def test_the_stage_writes_everything_and_the_same_again(
    generated: Converted, report: EvaluationReport
) -> None:
    store = generated.store

    facts = stage.evaluation(store, partition=PARTITION, variant="mxnet", tuning_job="tune-1")

    prefix = layout.candidate_prefix(PARTITION, "mxnet")
    assert facts["report"] == store.uri(f"{prefix}report.html")
    assert facts["card"] == store.uri(f"{prefix}card.json")
    assert store.get(f"{prefix}report.html") == report.html
    written = {key.removeprefix(prefix) for key in store.keys(prefix)}
    assert {"card.json", "card.html", "metrics.json", "patients.csv", "predictions.csv"} < written
    assert {name for name in written if name.startswith("heatmaps/")} == {
        f"heatmaps/{patient}-{slide}.png" for patient, slide in report.heatmaps
    }
    assert "found by the tuning job tune-1" in json.dumps(json.loads(store.get(f"{prefix}card.json")))


@pytest.mark.usefixtures("facts")
def test_a_decision_is_told_once_it_is_about_these_measures(generated: Converted) -> None:
    store, told = generated.store, {}
    decision = {"outcome": "deploy", "variant": "mxnet", "reasons": ["it passed every gate"]}
    store.put(layout.decision(PARTITION), json.dumps(decision).encode())
    for is_decided in (True, False):
        stage.evaluation(store, partition=PARTITION, variant="mxnet", is_decided=is_decided)
        told[is_decided] = b"it passed every gate" in store.get(layout.evaluation_report(PARTITION, "mxnet"))
    assert told == {True: True, False: False}


def test_a_candidate_that_was_not_measured_has_no_report(generated: Converted) -> None:
    with pytest.raises(MissingObject, match=r"tensorflow/metrics\.json"):
        stage.evaluation(generated.store, partition=PARTITION, variant="tensorflow")


def the_card(store: ObjectStore, facts: EvaluationFacts, **changes: Any) -> dict[str, Any]:
    candidate = replace(candidates.candidate(store, PARTITION, "mxnet"), **changes)
    return card(store, candidate, facts.metrics)


def test_the_card_is_one_that_sagemaker_takes(generated: Converted, facts: EvaluationFacts) -> None:
    content = the_card(generated.store, facts, hyperparameters={"a": "x" * 2500, "empty": ""})

    Draft202012Validator(PACKAGE_CARD).validate(content)
    text = json.dumps(content)
    assert len(text) < 100_000
    assert "\n" not in text


def test_the_card_says_what_the_documents_say(generated: Converted, facts: EvaluationFacts) -> None:
    content = the_card(generated.store, facts)

    assert content["model_overview"]["model_artifact"] == [facts.metrics["model_data"]]
    assert content["intended_uses"]["purpose_of_model"].startswith("SYNTHETIC DATA")
    [evaluation] = content["evaluation_details"]
    told = {one["name"]: one["value"] for one in evaluation["metric_groups"][0]["metric_data"]}
    test = facts.metrics["test"]
    expected = {metric.label: test[metric.key]["value"] for metric in METRICS}
    assert told == {label: value for label, value in expected.items() if value is not None}
    details = content["additional_information"]["custom_details"]
    assert details["dataset digest"] == generated.digest
    training = content["training_details"]["training_job_details"]
    chosen = {one["name"]: one["value"] for one in training["hyper_parameters"]}
    assert chosen == {"epochs": "3", "seed": "7"}, "not what only the container needs"
    splits = generated.index.splits
    for split, summary in splits.items():
        assert f"{split}: {summary.patients} patients, {summary.patches} patches" in str(content)


def test_the_card_is_a_page_too(generated: Converted, facts: EvaluationFacts) -> None:
    candidate = candidates.candidate(generated.store, PARTITION, "mxnet")
    document = Document.of(page(the_card(generated.store, facts), candidate, facts.metrics))

    for words in ("Intended use and limits", "Ethical considerations", "Caveats", "not a diagnostic device"):
        assert words in document.text
    assert "SYNTHETIC DATA" in document.text
    assert len(document.rows("metric")) == len(METRICS)


@given(
    st.lists(st.integers(1, 900_000), min_size=1, max_size=40),
    st.lists(st.integers(0, 39), min_size=1, max_size=20),
)
def test_ranges_hold_what_is_wanted_and_stay_small(sizes: list[int], picks: list[int]) -> None:
    bounds = [0, *np.cumsum(sizes).tolist()]
    wanted = sorted({pick % len(sizes) for pick in picks})

    found = runs(wanted, bounds)

    for at in wanted:
        assert any(run.start <= bounds[at] and bounds[at + 1] <= run.stop for run in found)
    assert all(run.stop - run.start <= RUN_BYTES for run in found)
    assert {run.start for run in found} | {run.stop for run in found} <= set(bounds)
    assert all(one.stop <= other.start for one, other in itertools.pairwise(found))


def test_slides_of_patients_of_one_class_are_shown_if_there_are_no_others(
    generated: Converted, facts: EvaluationFacts
) -> None:
    zero = facts.test.label == 0
    columns = (facts.test.patch, facts.test.patient, facts.test.label, facts.test.split)
    only = Predictions(*(column[zero] for column in columns), facts.test.probability[zero])
    rows = patient_rows(only, facts.threshold)

    assert {one.row.patient for one in choose_slides(only, rows)} <= {row.patient for row in rows}
    assert choose_slides(only, rows)


def test_the_champion_of_the_tests_is_as_the_registry_has_it() -> None:
    model = served("s3://a/b", "c" * 64)
    assert type(model).from_metadata(model.to_metadata(), "1") == model
