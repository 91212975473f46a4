"""A candidate is chosen and served; the smoke test knows it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from unit.idc.stages.rehearsal import (
    PARTITION,
    SETTINGS,
    measured,
    scored,
)

from idc import layout, registry
from idc.dataset.storage import ObjectStore
from idc.errors import EndpointFailed
from idc.jobs.hosting import EndpointSpec
from idc.stages import deploy, smoke


def test_the_best_candidate_on_validation_is_served_by_its_own_artifact(
    snapshot: ObjectStore, candidate: registry.Candidate
) -> None:
    figures = [
        {"variant": "tensorflow", "threshold": 0.5, "validation": {"balanced_accuracy": 0.7}, "test": {}},
        {"variant": "mxnet", "threshold": 0.5, "validation": {"balanced_accuracy": 0.8}, "test": {}},
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
