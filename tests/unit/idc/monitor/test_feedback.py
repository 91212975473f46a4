"""Labels are read as the REST API keeps them: the newest of each counts, and only of this model version."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score
from unit.idc.monitor.records import DAY, labelled

from idc.monitor import feedback
from idc.monitor.window import Window
from idc.storage import ObjectStore

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/histoflow-idc/1"
WINDOW = Window.up_to(DAY, 7)


def test_the_newest_label_of_each_patch_and_tile_counts(store: ObjectStore) -> None:
    labelled(store, "a", 1, 0.9, package=ARN)
    labelled(store, "a", 0, 0.9, package=ARN, number=2)
    labelled(store, "b", 0, 0.1, package=ARN, tile=(50, 0))
    labelled(store, "b", 1, 0.1, package=ARN, tile=(100, 0))
    labelled(store, "c", 1, 0.1, package=f"{ARN}0")

    found = feedback.read(store, ARN, WINDOW)

    assert [(one.request_id, one.tile, one.label) for one in found.labels] == [
        ("a", "", 0),
        ("b", "x100_y0", 1),
        ("b", "x50_y0", 0),
    ]
    assert (found.corrected, found.of_other_versions, found.refused.count) == (1, 1, 0)


def test_what_comes_after_the_window_is_for_a_later_one(store: ObjectStore) -> None:
    labelled(store, "a", 1, 0.9, package=ARN)
    labelled(store, "a", 0, 0.9, package=ARN, number=2, received_at="2026-11-25T00:00:00+00:00")
    labelled(store, "b", 0, 0.9, package=ARN, day="2026-11-17")

    assert [one.label for one in feedback.read(store, ARN, WINDOW).labels] == [1]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"{}", b'{"received_at": "2026-11-24T10:00:00+00:00"}', b"\xff"],
)
def test_an_object_that_is_no_label_is_named(store: ObjectStore, body: bytes) -> None:
    labelled(store, "a", 1, 0.9, package=ARN)
    key = labelled(store, "b", 1, 0.9, package=ARN)
    store.put(key, body)

    found = feedback.read(store, ARN, WINDOW)

    assert len(found.labels) == 1
    assert [where for where, _ in found.refused.listed] == [store.uri(key)]


@pytest.mark.parametrize(
    ("label", "probability"), [(2, 0.5), (True, 0.5), ("1", 0.5), (None, 0.5), (1, float("nan")), (1, 1.5)]
)
def test_a_label_or_answer_that_is_none_is_refused(
    store: ObjectStore, label: object, probability: float
) -> None:
    labelled(store, "a", label, probability, package=ARN)

    found = feedback.read(store, ARN, WINDOW)

    assert (found.labels, found.refused.count) == ([], 1)


def test_enough_labels_are_measured_with_bounds(store: ObjectStore) -> None:
    chance = np.random.default_rng(1)
    truth, scores = chance.integers(0, 2, 60), chance.random(60)
    for at, (label, score) in enumerate(zip(truth.tolist(), scores.tolist(), strict=True)):
        labelled(store, f"slide{at % 6}", label, score, package=ARN, tile=(at * 50, 0))

    said = feedback.measured(feedback.read(store, ARN, WINDOW).labels, 0.5, 50)

    assert (said["patches"], said["sources"], said["reason"]) == (60, 6, "")
    assert said["balanced_accuracy"]["value"] == pytest.approx(balanced_accuracy_score(truth, scores >= 0.5))
    assert said["recall"]["low"] < said["recall"]["value"] < said["recall"]["high"]


def test_too_few_labels_say_nothing(store: ObjectStore) -> None:
    for at in range(49):
        labelled(store, f"r{at}", at % 2, 0.5, package=ARN)

    said = feedback.measured(feedback.read(store, ARN, WINDOW).labels, 0.5, 50)

    assert said["reason"] == "too few labels: 49, expected at least 50"
    assert "balanced_accuracy" not in said


def test_labels_of_one_class_say_nothing(store: ObjectStore) -> None:
    for at in range(3):
        labelled(store, f"r{at}", 1, 0.5, package=ARN)

    said = feedback.measured(feedback.read(store, ARN, WINDOW).labels, 0.5, 2)

    assert said["reason"] == "labels of one class only: 3 of 3 are IDC"
