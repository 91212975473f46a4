"""A candidate is chosen and served; the smoke test knows it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from unit.idc.deploy.test_decision import SERVED
from unit.idc.rehearsal import (
    PARTITION,
    SETTINGS,
    measured,
    scored,
    trained,
)

from idc import layout
from idc.deploy import rollback, smoke, stage
from idc.deploy.decision import Decision, Outcome
from idc.deploy.hosting import EndpointSpec
from idc.deploy.package import PackageSpec
from idc.deploy.version import Version
from idc.errors import ConflictError, EndpointFailed
from idc.storage import ObjectStore
from idc.train import candidates

VERSION = 3
ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/histoflow-idc/3"


def judged(store: ObjectStore, **options: Any) -> Decision:
    return stage.judge(store, SETTINGS, partition=PARTITION, **{"champion": None, **options})


@pytest.fixture
def version(snapshot: ObjectStore, candidate: candidates.Candidate, dataset: str) -> Version:
    """A candidate that was measured, judged and registered."""
    scored(snapshot, dataset, "score-1")
    measured(snapshot, "score-1")
    judged(snapshot)
    served = stage.package(snapshot, SETTINGS, partition=PARTITION).served
    return Version(ARN, VERSION, "Approved", "", "", "", served)


def test_the_best_candidate_on_validation_is_judged_by_its_bounds_on_test(
    snapshot: ObjectStore, dataset: str, caplog: pytest.LogCaptureFixture
) -> None:
    trained(snapshot, "tensorflow", "mxnet")
    scored(snapshot, dataset, "score-1", validation_one=0.1)
    scored(snapshot, dataset, "score-2")
    measured(snapshot, "score-1", "score-2")

    with caplog.at_level(logging.INFO):
        found = judged(snapshot)

    assert (found.outcome, found.variant, found.is_waived) == (Outcome.DEPLOY, "mxnet", True)
    decision = stage.read_decision(snapshot, PARTITION)
    assert decision["outcome"] == "deploy"
    assert [gate["name"] for gate in decision["gates"]] == ["balanced accuracy", "sensitivity", "smoke set"]
    assert "not a diagnostic device" in decision["notice"]
    assert "balanced accuracy missed: no lower bound over 1 test patients" in caplog.text
    assert "it is the first model here" in caplog.text
    assert "WARNING" in caplog.text


def test_a_rejected_model_does_not_come_back_by_itself(
    snapshot: ObjectStore, dataset: str, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = trained(snapshot, "tensorflow", "mxnet")
    scored(snapshot, dataset, "score-1")
    scored(snapshot, dataset, "score-2")
    measured(snapshot, "score-1", "score-2")

    one = judged(snapshot, rejected=[first.model_sha256])
    none = judged(snapshot, rejected=[first.model_sha256, second.model_sha256])

    assert (one.outcome, one.variant) == (Outcome.DEPLOY, "mxnet")
    assert "tensorflow is left out: its model was rejected in the registry" in one.reasons
    assert (none.outcome, none.variant) == (Outcome.KEEP, "")


def test_what_is_registered_says_all_that_those_who_serve_it_need(
    snapshot: ObjectStore, candidate: candidates.Candidate, dataset: str, version: Version
) -> None:
    card = {"model_overview": {"model_name": "x", "model_creator": "y"}, "intended_uses": {"a": "b"}}
    candidates.write_json(snapshot, f"candidates/{PARTITION}/mxnet/card.json", card)

    spec = stage.package(snapshot, SETTINGS, partition=PARTITION)

    metrics = json.loads(snapshot.get(layout.metrics(PARTITION, "mxnet")))
    assert spec.served.model_sha256 == candidate.model_sha256
    assert spec.served.threshold == metrics["threshold"]
    assert spec.served.synthetic
    assert json.loads(spec.request["ModelCard"]["ModelCardContent"]) == {
        "model_overview": {"model_creator": "y"},
        "intended_uses": {"a": "b"},
    }
    operation = botocore.session.get_session().get_service_model("sagemaker").operation_model
    report = ParamValidator().validate(spec.create_request(), operation("CreateModelPackage").input_shape)
    assert not report.has_errors(), report.generate_report()
    again = PackageSpec.from_dict(json.loads(json.dumps(spec.to_dict())))
    assert (again, again.token) == (spec, spec.token)


def test_a_model_trained_meanwhile_is_neither_judged_nor_registered_by_the_figures_of_another(
    snapshot: ObjectStore, candidate: candidates.Candidate, version: Version
) -> None:
    trained(snapshot, "mxnet", model=b"later", job="idc-tune-2026-10-mxnet-later00000")

    for step in (judged, lambda store: stage.package(store, SETTINGS, partition=PARTITION)):
        with pytest.raises(ConflictError, match=f"by now, expected {candidate.model_data}"):
            step(snapshot)


def test_an_answer_tells_the_version_it_came_from(version: Version) -> None:
    spec = EndpointSpec.from_dict(stage.endpoint(SETTINGS, version))

    assert (spec.endpoint, spec.variant_name) == (SETTINGS.endpoint_name, "v3-mxnet")
    assert spec.model["PrimaryContainer"] == {"ModelPackageName": ARN}
    assert spec.variant["InitialInstanceCount"] == 2


@pytest.mark.parametrize(
    ("approval", "is_deployed", "outcome"),
    [
        ({"is_approved": True, "reason": "Approved by Ada in Airflow."}, True, "deploy"),
        ({"is_approved": False, "reason": "Rejected by Ada in Airflow."}, False, "keep"),
    ],
)
def test_the_decision_ends_with_what_came_of_it(
    snapshot: ObjectStore, version: Version, approval: dict[str, Any], is_deployed: bool, outcome: str
) -> None:
    name = version.name if is_deployed else ""
    other = {"is_approved": not approval["is_approved"], "reason": "What somebody answered before."}
    for answer in (other, approval, approval):
        stage.conclude(snapshot, partition=PARTITION, version=name, approval=answer, is_deployed=is_deployed)

    decision = stage.read_decision(snapshot, PARTITION)
    assert decision["outcome"] == outcome
    assert decision["result"] == {
        "is_deployed": is_deployed,
        "version": name or None,
        "approval": approval,
    }
    assert decision["reasons"].count(approval["reason"]) == (0 if is_deployed else 1)
    assert other["reason"] not in decision["reasons"]


def test_a_decision_that_was_taken_back_says_so(snapshot: ObjectStore, version: Version) -> None:
    before = replace(version, number=1)
    for _ in range(2):  # as a task that is tried again does
        rollback.record(snapshot, target=before, bad=version, reason="too many false alarms")

    decision = stage.read_decision(snapshot, PARTITION)
    why = "v3-mxnet was rolled back to v1-mxnet: too many false alarms"
    assert decision["outcome"] == "keep"
    assert (decision["reasons"][-1], decision["reasons"].count(why)) == (why, 1)


def test_a_report_tells_of_a_rollback_only_while_it_is_about_that_model(
    snapshot: ObjectStore, version: Version
) -> None:
    assert judged(snapshot).variant == version.served.variant
    assert rollback.is_reported(snapshot, version)

    newer = replace(version.served, model_data=f"{version.served.model_data}.newer")
    assert not rollback.is_reported(snapshot, replace(version, served=newer))


def smoke_test(
    store: ObjectStore,
    version: Version,
    invoke: Callable[[bytes], bytes],
    answered_by: str = "v3-mxnet",
) -> dict[str, Any]:
    return stage.smoke_test(
        store,
        version=version,
        endpoint="idc",
        model_data=version.served.model_data,
        invoke=lambda image: (invoke(image), answered_by),
    )


def as_evaluated(store: ObjectStore, version: Version) -> Callable[[bytes], bytes]:
    known = smoke.kept(store, version.served.model_sha256)
    answers = {patch.image: [1 - patch.evaluated, patch.evaluated] for patch in known}
    return lambda image: json.dumps(answers[image]).encode()


def test_the_smoke_test_asks_about_both_classes_of_one_patient(
    snapshot: ObjectStore, version: Version
) -> None:
    record = smoke_test(snapshot, version, as_evaluated(snapshot, version))

    assert json.loads(snapshot.get(f"candidates/{PARTITION}/mxnet/smoke.json")) == record
    assert (record["endpoint"], record["version"]) == ("idc", "v3-mxnet")
    assert record["threshold"] == version.served.threshold
    assert sorted(patch["label"] for patch in record["patches"]) == [0, 1]
    assert len({patch["patient"] for patch in record["patches"]}) == 1
    for patch in record["patches"]:
        assert patch["calibrated"] == version.served.calibrated(patch["probabilities"][1])
    known = smoke.kept(snapshot, version.served.model_sha256)
    assert all(patch.image.startswith(b"\x89PNG") for patch in known)


def test_the_smoke_test_needs_nothing_of_the_partition_that_may_have_changed_since(
    snapshot: ObjectStore, version: Version
) -> None:
    invoke = as_evaluated(snapshot, version)
    for key in (layout.candidate(PARTITION, "mxnet"), layout.predictions(PARTITION, "mxnet")):
        snapshot.client.delete_object(Bucket=snapshot.bucket, Key=key)

    assert smoke_test(snapshot, version, invoke)["version"] == "v3-mxnet"


def test_an_answer_of_another_version_fails(snapshot: ObjectStore, version: Version) -> None:
    with pytest.raises(EndpointFailed, match="answered by v2-mxnet, expected v3-mxnet"):
        smoke_test(snapshot, version, as_evaluated(snapshot, version), answered_by="v2-mxnet")


@pytest.mark.parametrize("answer", [[0.5, 0.5], [0.2, 0.2], [1.5, -0.5], [0.1], {"p": 1}, "none", [None, 1]])
def test_an_answer_that_is_not_the_evaluated_models_fails(answer: object) -> None:
    patch = smoke.KnownPatch("9_idx5_x1_y1_class1.png", "9", 1, b"image", evaluated=0.9)

    with pytest.raises(EndpointFailed, match="endpoint idc"):
        smoke.read_answer("idc", patch, json.dumps(answer).encode(), SERVED)


def test_another_artifact_behind_the_endpoint_fails(snapshot: ObjectStore, version: Version) -> None:
    snapshot.put(layout.parse_uri(version.served.model_data)[1], b"another model")

    with pytest.raises(EndpointFailed, match=version.served.model_sha256):
        smoke_test(snapshot, version, lambda image: image)
