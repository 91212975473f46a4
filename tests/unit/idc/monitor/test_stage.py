"""Monitoring a served model: what is said of it, from what capture and feedback left in the bucket."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from unit.idc.monitor.records import DAY, ENDPOINT, captured, labelled, line, patch
from unit.idc.rehearsal import PARTITION, everything, measured, patches, scored, trained

from idc import layout
from idc.converter.records import recordio
from idc.deploy.version import APPROVED, Version
from idc.errors import ConfigurationError
from idc.evaluate.served_model import ServedModel
from idc.monitor import stage
from idc.monitor.options import Limits, Options
from idc.storage import ObjectStore
from idc.train import candidates

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/histoflow-idc/1"
OPTIONS = Options(7, 28, 1000, Limits(drift=0.25, drop=0.05, min_patches=20, min_labels=10))
LATER = datetime(2026, 11, 25, 4, tzinfo=UTC)


@pytest.fixture
def version(snapshot: ObjectStore, candidate: candidates.Candidate, dataset: str) -> Version:
    """The candidate, measured and served."""
    scored(snapshot, dataset, "score-1")
    measured(snapshot, "score-1")
    served = ServedModel(
        candidate.variant, PARTITION, dataset, candidate.training_job, "", candidate.model_data,
        candidate.model_sha256, 0.5, 1.0, 0.0, True, "", "", "", "",
    )  # fmt: skip
    return Version(ARN, 1, APPROVED, "", "", "", served)


def run(store: ObjectStore, version: Version | None, **changes: Any) -> dict[str, Any]:
    options = replace(OPTIONS, **changes)
    return stage.run(store, options, endpoint=ENDPOINT, day=DAY, version=version, now=LATER)


def document(store: ObjectStore) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(store.get(layout.monitoring(DAY)))
    return found


def page(store: ObjectStore) -> str:
    return store.get(layout.monitoring_report(DAY)).decode()


def images(store: ObjectStore, digest: str) -> list[tuple[str, bytes]]:
    """The validation and test patches by name."""
    found = []
    for split in ("validation", "test"):
        for part, names in patches(store, digest, split).items():
            body = store.get(f"{layout.split_prefix(digest, split)}{part}.rec")
            found += list(zip(names, (one.image for one in recordio.read_records(body, part)), strict=True))
    return found


def sent_as_before(store: ObjectStore, digest: str) -> None:
    """Send the endpoint just what the model was evaluated on."""
    lines = [
        line(image, 0.9 if "class1" in name else 0.2, inferenceId=name)
        for name, image in images(store, digest)
    ]
    captured(store, lines)


def test_the_same_patches_have_not_drifted(snapshot: ObjectStore, dataset: str, version: Version) -> None:
    sent_as_before(snapshot, dataset)

    facts = run(snapshot, version)

    found = document(snapshot)
    assert (facts["outcome"], facts["reasons"], facts["model"]) == ("keep", [], "v1-mxnet")
    assert {one["status"] for name, one in found["drift"].items() if name != "probability"} == {"steady"}
    assert found["traffic"]["patches"] == found["reference"]["patches"] == len(images(snapshot, dataset))
    assert found["reference"]["test"]["patients"] >= 1
    assert found["feedback"]["reason"] == "too few labels: 0, expected at least 10"
    assert "Nothing speaks for training again." in page(snapshot)
    assert "SYNTHETIC DATA" in page(snapshot)
    assert "not a diagnostic device" in page(snapshot)


def test_other_stains_have_drifted_and_it_says_which(
    snapshot: ObjectStore, dataset: str, version: Version
) -> None:
    lines = [line(patch((90, 200, 90), seed=at), 0.999, inferenceId=f"r{at}") for at in range(60)]
    captured(snapshot, lines)

    facts = run(snapshot, version)

    found = document(snapshot)
    assert facts["outcome"] == "retrain"
    assert found["drift"]["eosin"]["status"] == found["drift"]["probability"]["status"] == "drifted"
    assert any(reason.startswith("eosin, mean amount: stability index") for reason in facts["reasons"])
    assert found["traffic"]["positive_share"] == 1
    assert "Train again." in page(snapshot)
    for name in ("probability", "stains"):
        assert snapshot.get(layout.monitoring_picture(DAY, name)).startswith(b"\x89PNG")


def test_one_slide_is_no_drift_that_matters_unless_no_patient_was_like_it(
    snapshot: ObjectStore, dataset: str, version: Version
) -> None:
    """The patches of one patient differ from all patients' by chance: index and bound are both high."""
    by_patient: dict[str, list[tuple[str, bytes]]] = {}
    for name, image in images(snapshot, dataset):
        by_patient.setdefault(name.partition("_")[0], []).append((name, image))
    own = next(iter(by_patient.values()))
    captured(snapshot, [line(image, 0.2, inferenceId=f"slide.{at}") for at, (_, image) in enumerate(own)])

    run(snapshot, version, limits=replace(OPTIONS.limits, min_patches=5))

    drift = document(snapshot)["drift"]
    assert document(snapshot)["traffic"]["sources"] == 1
    assert {one["status"] for name, one in drift.items() if name != "probability"} <= {"steady", "watch"}
    assert any(one["index"] > 0.25 for one in drift.values())


def test_few_patches_say_nothing(snapshot: ObjectStore, version: Version) -> None:
    captured(snapshot, [line(patch((90, 200, 90), seed=at), 0.999, inferenceId=f"r{at}") for at in range(19)])

    assert run(snapshot, version)["outcome"] == "keep"
    assert {one["status"] for one in document(snapshot)["drift"].values()} == {"too few patches"}
    assert "There is too little to judge by" in page(snapshot)
    assert "Nothing speaks for" not in page(snapshot)


def test_labels_that_contradict_the_model_are_a_reason(snapshot: ObjectStore, version: Version) -> None:
    for at in range(40):
        labelled(snapshot, f"r{at}", at % 2, 0.2 if at % 3 else 0.9, package=ARN, hour=at % 20)

    facts = run(snapshot, version)

    said = document(snapshot)["feedback"]
    assert facts["outcome"] == "retrain"
    assert (facts["labels"], said["sources"], said["classes"]) == (40, 20, {"0": 20, "1": 20})
    assert any(one.startswith("balanced accuracy on 40 labelled patches: 0.5") for one in facts["reasons"])
    assert any(one.startswith("sensitivity") for one in facts["reasons"])
    assert f"{said['recall']['value']:.3f} (" in page(snapshot)


def test_labels_that_may_all_be_one_patients_have_no_bounds_and_are_no_reason(
    snapshot: ObjectStore, version: Version
) -> None:
    for at in range(40):
        labelled(snapshot, f"r{at}", at % 2, 0.2 if at % 3 else 0.9, package=ARN)

    assert run(snapshot, version)["outcome"] == "keep"
    assert document(snapshot)["feedback"]["recall"]["low"] is None


def test_another_threshold_makes_another_reference(
    snapshot: ObjectStore, dataset: str, version: Version
) -> None:
    sent_as_before(snapshot, dataset)
    shares = []
    for threshold in (0.5, 0.95):
        run(snapshot, replace(version, served=replace(version.served, threshold=threshold)))
        shares.append(document(snapshot)["reference"]["positive_share"])

    assert shares[0] > shares[1] == 0


def test_labels_that_agree_are_none(snapshot: ObjectStore, version: Version) -> None:
    for at in range(40):
        labelled(snapshot, f"r{at}", at % 2, 0.9 if at % 2 else 0.2, package=ARN)

    assert run(snapshot, version)["outcome"] == "keep"


def test_nothing_served_yet_is_said_and_is_no_failure(
    snapshot: ObjectStore, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        facts = run(snapshot, None)

    assert (facts["outcome"], facts["model"], facts["patches"], facts["labels"]) == ("keep", None, 0, 0)
    assert "Nothing to look at: histoflow-idc serves no model of the registry." in caplog.text
    assert "Nothing to look at" in page(snapshot)


def test_no_traffic_yet_is_said_and_is_no_failure(snapshot: ObjectStore, version: Version) -> None:
    assert run(snapshot, version)["outcome"] == "keep"
    assert "No answer was captured in these days" in page(snapshot)


def test_what_is_damaged_is_counted_named_and_left_where_it_is(
    snapshot: ObjectStore, version: Version, caplog: pytest.LogCaptureFixture
) -> None:
    capture = captured(snapshot, [b"<script>alert(1)</script>\n", line(patch(), 0.5)])
    label = labelled(snapshot, "r", 7, 0.5, package=ARN)
    before = {key: body for key, body in everything(snapshot).items() if key in (capture, label)}

    run(snapshot, version)

    assert f"{snapshot.uri(capture)} line 1" in caplog.text
    assert snapshot.uri(label) in page(snapshot)
    assert "<script>" not in page(snapshot)
    assert document(snapshot)["traffic"]["patches"] == 1
    assert {key: everything(snapshot)[key] for key in before} == before


def test_looking_again_writes_the_same(snapshot: ObjectStore, dataset: str, version: Version) -> None:
    sent_as_before(snapshot, dataset)
    captured(snapshot, [line(b"no image", 0.5)], "11/00-00")
    run(snapshot, version)
    before = everything(snapshot)
    labelled(snapshot, "late", 1, 0.1, package=ARN, received_at="2026-11-25T03:00:00+00:00")

    run(snapshot, version)

    after = everything(snapshot)
    assert {key: after[key] for key in before} == before


def test_the_reference_outlives_another_training(
    snapshot: ObjectStore, dataset: str, version: Version
) -> None:
    sent_as_before(snapshot, dataset)
    run(snapshot, version)
    trained(snapshot, "mxnet", model=b"others", job="idc-train-2026-10-mxnet-9999999999")

    run(snapshot, version)

    assert document(snapshot)["reference"]["patches"] == len(images(snapshot, dataset))


def test_without_a_reference_it_says_so_and_labels_still_count(
    snapshot: ObjectStore, dataset: str, version: Version
) -> None:
    sent_as_before(snapshot, dataset)
    trained(snapshot, "mxnet", model=b"others", job="idc-train-2026-10-mxnet-9999999999")

    facts = run(snapshot, version)

    assert (facts["outcome"], facts["patches"] > 0) == ("keep", True)
    assert "of another model by now" in document(snapshot)["remarks"][0]
    assert document(snapshot)["drift"] == {}


def test_a_day_that_is_over_keeps_its_model(snapshot: ObjectStore, version: Version) -> None:
    assert stage.model_of(snapshot, DAY) is None
    early = datetime(2026, 11, 24, 12, tzinfo=UTC)
    stage.run(snapshot, OPTIONS, endpoint=ENDPOINT, day=DAY, version=version, now=early)
    assert stage.model_of(snapshot, DAY) is None
    assert "The day was not over" in page(snapshot)
    run(snapshot, version)
    assert stage.model_of(snapshot, DAY) == ARN
    run(snapshot, None)
    assert stage.model_of(snapshot, DAY) is None


def test_what_is_no_day_is_refused(snapshot: ObjectStore, version: Version) -> None:
    with pytest.raises(ConfigurationError, match="day '2026-11'"):
        stage.run(snapshot, OPTIONS, endpoint=ENDPOINT, day="2026-11", version=version, now=LATER)


def test_a_partition_is_trained_again_once_for_a_model(snapshot: ObjectStore) -> None:
    about: dict[str, Any] = {"model_sha256": "a" * 64, "partition": PARTITION}
    assert stage.find_order(snapshot, **about) is None

    first = stage.order(snapshot, **about, facts={"run_id": "one"})
    second = stage.order(snapshot, **about, facts={"run_id": "two"})

    assert first == second == stage.find_order(snapshot, **about) == {"run_id": "one"}


def test_the_newest_partition_with_a_dataset(store: ObjectStore, snapshot: ObjectStore, dataset: str) -> None:
    for key in (layout.manifest("2026-11"), "snapshots/", "snapshots/.keep"):
        store.put(key, b"{}")
    store.put(layout.dataset_pointer("trial"), store.get(layout.dataset_pointer(PARTITION)))

    assert candidates.partitions(store) == [PARTITION, "2026-11", "trial"]
    assert stage.newest_partition(snapshot) == PARTITION
