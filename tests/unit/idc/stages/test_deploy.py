"""Candidates are scored, measured and chosen from; the smoke test knows the chosen one."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from unit.idc.stages.rehearsal import (
    PARTITION,
    SETTINGS,
    measured,
    plan_scoring,
    scored,
    trained,
)

from idc import layout, registry
from idc.dataset.storage import ObjectStore
from idc.errors import EndpointFailed, MissingObject
from idc.jobs.hosting import EndpointSpec
from idc.jobs.spec import JobKind, JobSpec
from idc.stages import deploy, evaluate, smoke


def test_every_candidate_scores_the_same_validation_and_test_patches(
    snapshot: ObjectStore, dataset: str
) -> None:
    trained(snapshot, *layout.VARIANTS)

    planned = plan_scoring(snapshot)

    inputs = [one["request"]["TransformInput"] for one in planned]
    assert inputs == [inputs[0]] * 4
    assert inputs[0]["DataSource"]["S3DataSource"] == {
        "S3DataType": "S3Prefix",
        "S3Uri": snapshot.uri(f"{layout.dataset_prefix(dataset)}payload/"),
    }
    assert (inputs[0]["SplitType"], inputs[0]["ContentType"]) == ("RecordIO", "application/x-image")
    for one in planned:
        JobSpec(JobKind.TRANSFORM, one["prefix"], one["request"]).create_request()
        assert one["model"]["ModelName"] == one["request"]["ModelName"]
        assert one["model"]["PrimaryContainer"]["ModelDataUrl"].endswith("output/model.tar.gz")
    assert len({one["model"]["ModelName"] for one in planned}) == 4


def test_a_candidate_of_another_dataset_is_not_scored(
    snapshot: ObjectStore, candidate: registry.Candidate, caplog: pytest.LogCaptureFixture
) -> None:
    other = replace(candidate, variant="tensorflow", dataset_digest="0" * 64)
    registry.write_candidate(snapshot, other)

    with caplog.at_level(logging.INFO):
        planned = plan_scoring(snapshot)

    assert [one["variant"] for one in planned] == ["mxnet"]
    assert "tensorflow is left out" in caplog.text


def test_without_a_candidate_there_is_nothing_to_score(snapshot: ObjectStore, dataset: str) -> None:
    with pytest.raises(MissingObject, match="idc_train"):
        plan_scoring(snapshot)


def test_metrics_say_of_what_and_of_whom_and_with_which_threshold(
    snapshot: ObjectStore, candidate: registry.Candidate, dataset: str
) -> None:
    scored(snapshot, dataset, "score-1")

    [facts] = measured(snapshot, "score-1")

    metrics = json.loads(snapshot.get(layout.metrics(PARTITION, "mxnet")))
    assert list(metrics) == [
        "variant",
        "partition",
        "dataset_digest",
        "model_data",
        "threshold",
        "test",
        "validation",
    ]
    assert metrics["model_data"] == candidate.model_data
    assert metrics["threshold"] == metrics["test"]["threshold"] == facts["threshold"]
    assert metrics["threshold"] == pytest.approx(0.6, abs=0.01)  # half way between 0.2 and 0.9, in logits
    assert metrics["test"]["balanced_accuracy"]["value"] == facts["test"] == 1.0
    assert metrics["validation"]["balanced_accuracy"]["value"] == facts["validation"] == 1.0
    assert metrics["test"]["always_class_0"]["balanced_accuracy"]["value"] == 0.5
    table = evaluate.parsed(snapshot.get(layout.predictions(PARTITION, "mxnet")))
    assert set(table.split.tolist()) == {"validation", "test"}


def test_the_threshold_comes_from_validation_alone(
    snapshot: ObjectStore, candidate: registry.Candidate, dataset: str
) -> None:
    scored(snapshot, dataset, "score-1", validation_one=0.3)

    [facts] = measured(snapshot, "score-1")

    assert facts["threshold"] == pytest.approx(0.247, abs=0.01)  # half way between 0.2 and 0.3, in logits


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


def test_the_best_candidate_on_validation_is_served_by_its_own_artifact(
    snapshot: ObjectStore, candidate: registry.Candidate
) -> None:
    figures = [
        {"variant": "tensorflow", "threshold": 0.5, "validation": 0.7, "test": 0.9},
        {"variant": "mxnet", "threshold": 0.5, "validation": 0.8, "test": 0.6},
    ]

    chosen = deploy.choose(snapshot, SETTINGS, partition=PARTITION, measured=figures)

    spec = EndpointSpec.from_dict(chosen["spec"])
    assert chosen["variant"] == "mxnet"
    assert spec.endpoint == SETTINGS.endpoint_name
    assert spec.model["PrimaryContainer"]["ModelDataUrl"] == candidate.model_data


def smoke_test(
    store: ObjectStore, candidate: registry.Candidate, invoke: Callable[[bytes], bytes]
) -> dict[str, Any]:
    return deploy.smoke_test(
        store,
        partition=PARTITION,
        variant="mxnet",
        endpoint="idc",
        model_data=candidate.model_data,
        invoke=invoke,
    )


@pytest.fixture
def known(snapshot: ObjectStore, candidate: registry.Candidate, dataset: str) -> list[smoke.KnownPatch]:
    """The patches a smoke test asks about, of a candidate that has been measured."""
    evaluated = scored(snapshot, dataset, "score-1")
    measured(snapshot, "score-1")
    return smoke.known_patches(snapshot, dataset, evaluated)


def test_the_smoke_test_asks_about_both_classes_of_one_patient(
    snapshot: ObjectStore, candidate: registry.Candidate, known: list[smoke.KnownPatch]
) -> None:
    answers = {patch.image: [1 - patch.evaluated, patch.evaluated] for patch in known}

    record = smoke_test(snapshot, candidate, lambda image: json.dumps(answers[image]).encode())

    assert json.loads(snapshot.get(f"candidates/{PARTITION}/mxnet/smoke.json")) == record
    assert record["endpoint"] == "idc"
    assert sorted(patch["label"] for patch in record["patches"]) == [0, 1]
    assert len({patch["patient"] for patch in record["patches"]}) == 1
    assert [patch["probabilities"] for patch in record["patches"]] == list(answers.values())
    assert all(patch.image.startswith(b"\x89PNG") for patch in known)


@pytest.mark.parametrize("answer", [[0.5, 0.5], [0.2, 0.2], [1.5, -0.5], [0.1], {"p": 1}, "none", [None, 1]])
def test_an_answer_that_is_not_the_evaluated_models_fails(answer: object) -> None:
    patch = smoke.KnownPatch("9_idx5_x1_y1_class1.png", "9", 1, b"image", evaluated=0.9)

    with pytest.raises(EndpointFailed, match="endpoint idc"):
        smoke.read_answer("idc", patch, json.dumps(answer).encode())


def test_another_artifact_behind_the_endpoint_fails(
    snapshot: ObjectStore, candidate: registry.Candidate
) -> None:
    snapshot.put(layout.parse_uri(candidate.model_data)[1], b"another model")

    with pytest.raises(EndpointFailed, match=candidate.model_sha256):
        smoke_test(snapshot, candidate, lambda image: image)
