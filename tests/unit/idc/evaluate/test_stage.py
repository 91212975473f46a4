"""Candidates and the champion score the same patches, and are measured by the same lines."""

from __future__ import annotations

import csv
import io
import json
import logging
from dataclasses import asdict, replace
from typing import Any

import pytest
from sklearn.metrics import balanced_accuracy_score
from unit.idc.rehearsal import (
    PARTITION,
    SETTINGS,
    measured,
    plan_scoring,
    scored,
    trained,
)

from idc import layout
from idc.converter.split import read_csv, write_csv
from idc.errors import ConflictError, MissingObject
from idc.evaluate import stage
from idc.evaluate.calibration import Calibration
from idc.evaluate.predictions import parsed
from idc.evaluate.served_model import ServedModel
from idc.jobs.spec import JobKind, JobSpec
from idc.storage import ObjectStore
from idc.train import candidates
from idc.variants.all import VARIANTS


def document(store: ObjectStore, variant: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(store.get(layout.metrics(PARTITION, variant)))
    return found


def test_every_model_scores_the_same_validation_and_test_patches_once(
    snapshot: ObjectStore, dataset: str
) -> None:
    trained(snapshot, *VARIANTS)

    planned = plan_scoring(snapshot)

    assert [one["variants"] for one in planned] == [
        ["builtin-lowlevel", "builtin-sdk"],
        ["tensorflow"],
        ["mxnet"],
    ]
    inputs = [one["request"]["TransformInput"] for one in planned]
    assert inputs == [inputs[0]] * 3
    assert inputs[0]["DataSource"]["S3DataSource"] == {
        "S3DataType": "S3Prefix",
        "S3Uri": snapshot.uri(f"{layout.dataset_prefix(dataset)}payload/"),
    }
    assert (inputs[0]["SplitType"], inputs[0]["ContentType"]) == ("RecordIO", "application/x-image")
    for one in planned:
        JobSpec(JobKind.TRANSFORM, one["prefix"], one["request"]).create_request()
        assert one["model"]["ModelName"] == one["request"]["ModelName"]
        assert one["model"]["PrimaryContainer"]["ModelDataUrl"].endswith("output/model.tar.gz")
    assert len({one["model"]["ModelName"] for one in planned}) == 3


def test_a_candidate_of_another_dataset_is_not_scored(
    snapshot: ObjectStore, candidate: candidates.Candidate, caplog: pytest.LogCaptureFixture
) -> None:
    other = replace(candidate, variant="tensorflow", dataset_digest="0" * 64)
    candidates.write_candidate(snapshot, other)

    with caplog.at_level(logging.INFO):
        planned = plan_scoring(snapshot)

    assert [one["variant"] for one in planned] == ["mxnet"]
    assert "tensorflow is left out" in caplog.text


def test_without_a_candidate_there_is_nothing_to_score(snapshot: ObjectStore, dataset: str) -> None:
    with pytest.raises(MissingObject, match="idc_train"):
        plan_scoring(snapshot)


def test_metrics_say_of_what_and_of_whom_and_with_which_threshold(
    snapshot: ObjectStore, candidate: candidates.Candidate, dataset: str
) -> None:
    scored(snapshot, dataset, "score-1")

    [facts] = measured(snapshot, "score-1")

    metrics = document(snapshot, "mxnet")
    assert list(metrics) == [
        "variant",
        "partition",
        "dataset_digest",
        "model_data",
        "same_training",
        "synthetic",
        "threshold",
        "target_sensitivity",
        "calibration",
        "test",
        "validation",
        "comparison",
    ]
    assert metrics["model_data"] == candidate.model_data
    assert (metrics["synthetic"], metrics["target_sensitivity"], metrics["comparison"]) == (True, 0.88, None)
    assert metrics["threshold"] == metrics["test"]["threshold"] == facts["threshold"]
    validation = parsed(snapshot.get(layout.predictions(PARTITION, "mxnet"))).of("validation")
    assert metrics["threshold"] == validation.label.mean(), "where both classes weigh alike"
    assert metrics["test"]["balanced_accuracy"]["value"] == 1.0
    assert metrics["validation"]["balanced_accuracy"]["value"] == 1.0
    assert metrics["test"]["always_class_0"]["balanced_accuracy"]["value"] == 0.5
    before, after = metrics["test"]["uncalibrated"], metrics["test"]
    for name in ("brier_score", "expected_calibration_error"):
        assert after[name]["value"] < before[name]["value"], (
            "0.2 and 0.9 never err, and could be more certain"
        )
    table = parsed(snapshot.get(layout.predictions(PARTITION, "mxnet")))
    assert set(table.split.tolist()) == {"validation", "test"}
    assert set(table.probability.tolist()) == {0.2, 0.9}, "as the model answered"


def test_what_a_task_hands_on_is_small_and_decides(
    snapshot: ObjectStore, candidate: candidates.Candidate, dataset: str
) -> None:
    scored(snapshot, dataset, "score-1")

    [facts] = measured(snapshot, "score-1")

    metrics = document(snapshot, "mxnet")
    told = ("balanced_accuracy", "recall", "specificity", "roc_auc")
    assert facts == {
        "variant": "mxnet",
        "is_champion": False,
        "threshold": metrics["threshold"],
        "calibration": metrics["calibration"],
        "validation": {"balanced_accuracy": 1.0},
        "test": {name: metrics["test"][name] for name in told},
        "comparison": None,
    }


def test_the_threshold_and_the_calibration_come_from_validation_alone(
    snapshot: ObjectStore, candidate: candidates.Candidate, dataset: str
) -> None:
    trained(snapshot, "tensorflow", "mxnet")
    scored(snapshot, dataset, "score-1")
    scored(snapshot, dataset, "score-2", test_one=0.3)

    one, other = measured(snapshot, "score-1", "score-2")

    assert (one["threshold"], one["calibration"]) == (other["threshold"], other["calibration"])
    assert (one["test"]["recall"]["value"], other["test"]["recall"]["value"]) == (1, 0)


def test_every_patient_has_a_line(
    snapshot: ObjectStore, candidate: candidates.Candidate, dataset: str
) -> None:
    scored(snapshot, dataset, "score-1", test_one=0.3)

    [facts] = measured(snapshot, "score-1")

    rows = list(csv.DictReader(io.StringIO(snapshot.get(layout.patients(PARTITION, "mxnet")).decode())))
    split = {row.patient: row for row in read_csv(snapshot.get(layout.split_table(dataset)))}
    assert {row["patient"] for row in rows} == {own.patient for own in split.values() if own.split != "train"}
    table = parsed(snapshot.get(layout.predictions(PARTITION, "mxnet")))
    score = Calibration(**facts["calibration"]).apply(table.probability)
    for row in rows:
        own = table.patient == row["patient"]
        answer = score[own] >= facts["threshold"]
        known = split[row["patient"]]
        assert (row["split"], int(row["patches"]), int(row["positives"])) == (
            known.split,
            known.patches,
            known.class1,
        )
        assert float(row["mean_probability"]) == pytest.approx(score[own].mean(), rel=1e-5)
        assert float(row["answered_positive"]) == pytest.approx(answer.mean(), rel=1e-5)
        if known.class0 and known.class1:
            expected = balanced_accuracy_score(table.label[own], answer)
            assert float(row["balanced_accuracy"]) == pytest.approx(expected, rel=1e-5)
        else:
            assert row["balanced_accuracy"] == row["roc_auc"] == ""


def test_a_model_trained_meanwhile_does_not_get_the_answers_of_the_one_before(
    snapshot: ObjectStore, candidate: candidates.Candidate, dataset: str
) -> None:
    planned = plan_scoring(snapshot)
    scored(snapshot, dataset, "score-1")
    trained(snapshot, "mxnet", model=b"later", job="idc-tune-2026-10-mxnet-later00000")

    with pytest.raises(ConflictError, match=f"by now, expected {candidate.model_sha256}"):
        stage.measure(snapshot, SETTINGS, partition=PARTITION, planned=planned, jobs=[{"job": "score-1"}])
    assert snapshot.find(layout.metrics(PARTITION, "mxnet")) is None


def test_all_candidates_stand_in_one_table_of_the_log(
    snapshot: ObjectStore, dataset: str, caplog: pytest.LogCaptureFixture
) -> None:
    trained(snapshot, "tensorflow", "mxnet")
    scored(snapshot, dataset, "score-1")
    scored(snapshot, dataset, "score-2", zero=0.95)

    with caplog.at_level(logging.INFO):
        measured(snapshot, "score-1", "score-2")

    table = [line.split("  ")[0] for line in caplog.text.splitlines()]
    assert table[-4:] == ["candidate", "tensorflow", "mxnet", "always class 0"]
    assert "not a diagnostic device" in "".join(caplog.text.split("\n")).replace("  ", " ")


CALIBRATED = {"threshold": 0.5, "temperature": 1.0, "bias": 0.0}


def served(candidate: candidates.Candidate, **changes: Any) -> ServedModel:
    """The candidate as the model behind the endpoint, as one task hands it to the next."""
    words = dict.fromkeys(("tuning_job", "code_digest", "metrics_uri", "card_uri", "report_uri"), "")
    own = {key: value for key, value in asdict(candidate).items() if key in ServedModel.__annotations__}
    return ServedModel(**json.loads(json.dumps({**words, **own, **CALIBRATED, "synthetic": True, **changes})))


@pytest.fixture
def champion(snapshot: ObjectStore, dataset: str) -> ServedModel:
    """The model behind the endpoint: an earlier one of the same dataset; `mxnet` is the challenger."""
    [earlier] = trained(snapshot, "mxnet", model=b"earlier")
    trained(snapshot, "mxnet", model=b"later", job="idc-train-2026-10-mxnet-later00000")
    return served(earlier)


def against(store: ObjectStore, champion: ServedModel, *jobs: str) -> list[dict[str, Any]]:
    planned = stage.plan(store, SETTINGS, dag_id="idc_deploy", partition=PARTITION, champion=champion)
    results = [{"job": job} for job in jobs]
    return stage.measure(
        store, SETTINGS, partition=PARTITION, planned=planned, jobs=results, champion=champion
    )


def test_the_champion_scores_the_same_patches_in_its_own_container(
    snapshot: ObjectStore, champion: ServedModel
) -> None:
    planned = stage.plan(snapshot, SETTINGS, dag_id="idc_deploy", partition=PARTITION, champion=champion)

    assert [one["variant"] for one in planned] == ["mxnet", "champion"]
    challenger, own = planned
    assert own["request"]["TransformInput"] == challenger["request"]["TransformInput"]
    assert own["prefix"] == f"idc_deploy-{PARTITION}-champion"
    containers = [one["model"]["PrimaryContainer"] for one in planned]
    assert containers[1]["ModelDataUrl"] == champion.model_data != containers[0]["ModelDataUrl"]
    assert containers[1]["Environment"]["MODEL_SHA256"] == champion.model_sha256
    assert containers[1]["Image"] == containers[0]["Image"]
    assert own["model"]["ModelName"] != challenger["model"]["ModelName"]


def test_the_challenger_is_held_against_the_champion_patient_by_patient(
    snapshot: ObjectStore, champion: ServedModel, dataset: str
) -> None:
    scored(snapshot, dataset, "new")
    scored(snapshot, dataset, "old", zero=0.95, validation_one=0.9)

    [facts] = against(snapshot, champion, "new", "old")

    metrics, old = document(snapshot, "mxnet"), document(snapshot, "champion")
    compared = metrics["comparison"]
    assert compared["champion"]["model_sha256"] == champion.model_sha256
    assert (compared["patients"], compared["left_out_patients"]) == (metrics["test"]["patients"], 0)
    for name in ("balanced_accuracy", "specificity", "roc_auc", "brier_score"):
        difference = metrics["test"][name]["value"] - old["test"][name]["value"]
        assert compared[name]["difference"] == pytest.approx(difference), name
    assert compared["specificity"]["difference"] == 1
    assert old["threshold"] == champion.threshold, "the champion's own"
    assert facts["comparison"]["balanced_accuracy"] == compared["balanced_accuracy"]
    assert "brier_score" not in facts["comparison"]
    assert snapshot.find(layout.patients(PARTITION, "champion")) is not None


def test_a_champion_among_the_candidates_is_scored_once(
    snapshot: ObjectStore, dataset: str, champion: ServedModel
) -> None:
    own, _ = trained(snapshot, "mxnet", "tensorflow", model=b"both")
    scored(snapshot, dataset, "tf")
    scored(snapshot, dataset, "mx", zero=0.95)
    served_now = served(own)
    planned = stage.plan(snapshot, SETTINGS, dag_id="d", partition=PARTITION, champion=served_now)
    assert [one["variant"] for one in planned] == ["tensorflow", "mxnet"]

    challenger, itself = against(snapshot, served_now, "tf", "mx")

    assert (challenger["is_champion"], itself["is_champion"]) == (False, True)
    assert itself["comparison"] is None
    assert challenger["comparison"]["specificity"]["difference"] == 1
    kept = [snapshot.get(layout.predictions(PARTITION, name)) for name in ("champion", "mxnet")]
    assert kept[0] == kept[1]


def other_dataset(store: ObjectStore, dataset: str, sides: dict[str, str]) -> str:
    """Leave the split of another dataset, with patients on other sides."""
    rows = read_csv(store.get(layout.split_table(dataset)))
    moved = [row._replace(split=sides.get(row.patient, row.split)) for row in rows]
    store.put(layout.split_table("e" * 64), write_csv(moved))
    return "e" * 64


@pytest.mark.parametrize("is_known", [True, False])
def test_a_champion_that_has_seen_everybody_is_not_compared(
    snapshot: ObjectStore, champion: ServedModel, dataset: str, is_known: bool
) -> None:
    rows = read_csv(snapshot.get(layout.split_table(dataset)))
    digest = (
        other_dataset(snapshot, dataset, {row.patient: "train" for row in rows}) if is_known else "f" * 64
    )
    scored(snapshot, dataset, "new")

    [facts] = against(snapshot, replace(champion, dataset_digest=digest), "new", "new")

    compared = facts["comparison"]
    assert compared["patients"] == 0 < compared["left_out_patients"]
    assert compared["balanced_accuracy"]["difference"] is None
    assert ("seen every" if is_known else "is gone") in compared["balanced_accuracy"]["reason"]
    assert document(snapshot, "champion")["test"] is None
