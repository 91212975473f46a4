"""The stages one after another on an S3 in memory, with what the jobs would have left put there by hand."""

from __future__ import annotations

import csv
import functools
import io
import json
import logging
import tarfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import boto3
import pytest
from moto import mock_aws

from idc import layout, registry
from idc.dataset.conversion import ConversionSettings, parse_arguments
from idc.dataset.convert import convert as run_conversion
from idc.dataset.index import find_index
from idc.dataset.storage import ObjectStore
from idc.errors import ConfigurationError, EndpointFailed, MissingObject, SnapshotConflict, UnsafeArtifact
from idc.jobs.hosting import EndpointSpec
from idc.settings import Settings
from idc.stages import convert, deploy, evaluate, ingest, smoke, train

PARTITION = "2026-10"
SAMPLE = "synthetic://?patients=8&patches=160&seed=3"
JOB = "idc-train-2026-10-mxnet-0123456789"
SETTINGS = Settings(bucket="a-bucket", role_arn="arn:aws:iam::123456789012:role/histoflow")
OPTIONS = ConversionSettings()
HISTORY = {
    "best_epoch": 2,
    "validation": {"loss": 0.5, "roc_auc": 0.9},
    "epochs": [{"epoch": 1, "validation": {"roc_auc": 0.8}}, {"epoch": 2, "validation": {"roc_auc": 0.9}}],
}


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield empty_store()


@pytest.fixture
def snapshot(store: ObjectStore) -> ObjectStore:
    return filled(store, contents()[1])


@pytest.fixture
def dataset(store: ObjectStore) -> str:
    digest, _, objects = contents()
    filled(store, objects)
    return digest


@functools.cache
def contents() -> tuple[str, dict[str, bytes], dict[str, bytes]]:
    """Return a dataset's digest, and all objects once there is a snapshot and once there is the dataset."""
    with mock_aws():
        store = empty_store()
        ingest.run(store, partition=PARTITION, archive=SAMPLE)
        before = everything(store)
        planned = plan_conversion(store)
        request = planned["spec"]["request"]
        run_conversion(parse_arguments(request["AppSpecification"]["ContainerArguments"]), store.client)
        convert.publish(store, partition=PARTITION, dataset_digest=planned["dataset_digest"])
        return planned["dataset_digest"], before, everything(store)


def empty_store() -> ObjectStore:
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket=SETTINGS.bucket)
    return ObjectStore(client, SETTINGS.bucket)


def everything(store: ObjectStore) -> dict[str, bytes]:
    found = store.client.list_objects_v2(Bucket=store.bucket)["Contents"]
    return {entry["Key"]: store.get(entry["Key"]) for entry in found}


def filled(store: ObjectStore, objects: Mapping[str, bytes]) -> ObjectStore:
    for key, content in objects.items():
        store.put(key, content)
    return store


@pytest.fixture
def candidate(snapshot: ObjectStore, dataset: str) -> registry.Candidate:
    planned = plan_training(snapshot)
    train.record(snapshot, partition=PARTITION, planned=planned, jobs=[trained(snapshot)])
    return registry.candidate(snapshot, PARTITION, "mxnet")


def plan_conversion(store: ObjectStore, options: ConversionSettings = OPTIONS) -> dict[str, Any]:
    return convert.plan(store, SETTINGS, dag_id="idc_convert", partition=PARTITION, options=options)


def plan_training(store: ObjectStore, **hyperparameters: object) -> list[dict[str, Any]]:
    return train.plan(
        store,
        SETTINGS,
        dag_id="idc_train",
        partition=PARTITION,
        hyperparameters={"epochs": 2, **hyperparameters},
    )


def packed(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(mode="w:gz", fileobj=buffer) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def trained(store: ObjectStore, history: bytes = json.dumps(HISTORY).encode()) -> dict[str, Any]:
    """Leave what a training job leaves; return what its task returns."""
    prefix = f"{layout.job_prefix(JOB)}output/"
    store.put(f"{prefix}model.tar.gz", packed(weights=b"w"))
    store.put(f"{prefix}output.tar.gz", packed(**{"history.json": history}))
    return {"job": JOB, "model_data": store.uri(f"{prefix}model.tar.gz")}


def predicted(store: ObjectStore, digest: str, job: str = "predict-1") -> Mapping[str, float]:
    """Leave what a prediction job leaves; return the probabilities by patch."""
    index = find_index(store, digest)
    assert index is not None
    names = [
        line.split("\t")[2]
        for shard in index.shards
        if shard.split == "test"
        for line in store.get(layout.dataset_prefix(digest) + shard.key.replace(".rec", ".lst"))
        .decode()
        .splitlines()
    ]
    probability = {name: 0.9 if "class1" in name else 0.2 for name in names}
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(["patch", "patient", "label", "probability"])
    rows.writerows([name, name.split("_")[0], int("class1" in name), probability[name]] for name in names)
    store.put(f"{layout.job_prefix(job)}predictions/predictions.csv", table.getvalue().encode())
    return probability


def measured(store: ObjectStore, job: str = "predict-1") -> list[dict[str, Any]]:
    planned = evaluate.plan(store, SETTINGS, dag_id="idc_deploy", partition=PARTITION)
    return evaluate.measure(store, partition=PARTITION, planned=planned, jobs=[{"job": job}])


def test_ingest_says_what_came_in_and_that_it_is_there_already(store: ObjectStore) -> None:
    first = ingest.run(store, partition=PARTITION, archive=SAMPLE)
    again = ingest.run(store, partition=PARTITION, archive=SAMPLE)

    assert (first["patients"], first["synthetic"], first["is_reused"]) == (8, True, False)
    assert again == {**first, "is_reused": True}


def test_ingest_needs_an_archive_and_keeps_the_first(snapshot: ObjectStore) -> None:
    with pytest.raises(ConfigurationError, match="HISTOFLOW_ARCHIVE"):
        ingest.run(snapshot, partition="2026-11", archive=None)
    with pytest.raises(SnapshotConflict):
        ingest.run(snapshot, partition=PARTITION, archive="synthetic://?patients=9&patches=160&seed=3")


def test_a_conversion_needs_a_snapshot(store: ObjectStore) -> None:
    with pytest.raises(MissingObject, match="idc_ingest"):
        plan_conversion(store)


def test_a_conversion_is_planned_for_what_does_not_exist(snapshot: ObjectStore) -> None:
    planned = plan_conversion(snapshot)

    request = planned["spec"]["request"]
    code = request["ProcessingInputs"][0]["S3Input"]["S3Uri"].removeprefix(f"s3://{SETTINGS.bucket}/")
    assert snapshot.head(f"{code}idc/dataset/convert.py")
    assert planned["dataset_digest"] in request["AppSpecification"]["ContainerArguments"]
    assert request["Environment"]["PYTHONPATH"] == "/opt/ml/processing/input/code"


def test_a_dataset_that_exists_is_not_made_again_and_the_log_says_so(
    snapshot: ObjectStore, dataset: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        planned = plan_conversion(snapshot)

    assert planned == {"dataset_digest": dataset, "spec": None}
    assert f"Dataset {dataset} exists" in caplog.text


def test_other_options_are_another_dataset(snapshot: ObjectStore, dataset: str) -> None:
    planned = plan_conversion(snapshot, ConversionSettings(seed=8))

    assert planned["dataset_digest"] != dataset
    assert planned["spec"] is not None


def test_a_published_dataset_is_the_partitions_own(snapshot: ObjectStore, dataset: str) -> None:
    facts = convert.publish(snapshot, partition=PARTITION, dataset_digest=dataset)

    assert registry.dataset_digest(snapshot, PARTITION) == dataset
    assert sum(facts["patients"].values()) == 8
    assert facts["synthetic"] is True


def test_without_an_index_there_is_nothing_to_publish(snapshot: ObjectStore) -> None:
    with pytest.raises(MissingObject, match=r"no index\.json"):
        convert.publish(snapshot, partition=PARTITION, dataset_digest="0" * 64)
    with pytest.raises(MissingObject, match="idc_convert"):
        registry.dataset_digest(snapshot, PARTITION)


def test_training_reads_the_partitions_dataset_but_not_its_test_patients(
    snapshot: ObjectStore, dataset: str
) -> None:
    [planned] = plan_training(snapshot)

    request = planned["request"]
    uris = [channel["DataSource"]["S3DataSource"]["S3Uri"] for channel in request["InputDataConfig"]]
    assert uris == [snapshot.uri(layout.split_prefix(dataset, split)) for split in ("train", "validation")]
    assert request["HyperParameters"]["dataset-digest"] == json.dumps(dataset)
    archive = json.loads(request["HyperParameters"]["sagemaker_submit_directory"])
    assert snapshot.head(layout.parse_uri(archive)[1])
    assert "test" not in json.dumps(request["InputDataConfig"])


def test_the_same_training_is_the_same_request(snapshot: ObjectStore, dataset: str) -> None:
    assert plan_training(snapshot) == plan_training(snapshot)
    assert plan_training(snapshot) != plan_training(snapshot, epochs=3)


def test_training_needs_a_dataset(snapshot: ObjectStore) -> None:
    with pytest.raises(MissingObject, match="idc_convert"):
        plan_training(snapshot)


def test_a_candidate_is_recorded_with_its_history_and_the_digest_of_its_model(
    snapshot: ObjectStore, candidate: registry.Candidate, dataset: str
) -> None:
    content = json.loads(snapshot.get(layout.candidate(PARTITION, "mxnet")))

    assert content["epochs"] == HISTORY["epochs"]
    assert content["best_epoch"] == 2
    assert content["training_job"] == JOB
    assert content["dataset_digest"] == dataset
    assert content["model_sha256"] == registry.sha256_of(snapshot, f"jobs/{JOB}/output/model.tar.gz")


def test_a_job_without_a_history_makes_no_candidate(snapshot: ObjectStore, dataset: str) -> None:
    planned, job = plan_training(snapshot), trained(snapshot, history=b"[]")

    with pytest.raises(UnsafeArtifact, match=r"output\.tar\.gz"):
        train.record(snapshot, partition=PARTITION, planned=planned, jobs=[job])
    with pytest.raises(MissingObject, match="idc_train"):
        registry.candidate(snapshot, PARTITION, "mxnet")


def test_every_candidate_predicts_the_test_patients(
    snapshot: ObjectStore, candidate: registry.Candidate
) -> None:
    [planned] = evaluate.plan(snapshot, SETTINGS, dag_id="idc_deploy", partition=PARTITION)

    inputs = {item["InputName"]: item["S3Input"]["S3Uri"] for item in planned["request"]["ProcessingInputs"]}
    assert inputs["model"] == candidate.model_data
    assert inputs["test"] == snapshot.uri(layout.split_prefix(candidate.dataset_digest, "test"))
    assert snapshot.head(layout.parse_uri(inputs["code"])[1] + "predict.py")
    assert planned["variant"] == "mxnet"


def test_metrics_say_of_what_and_of_whom(
    snapshot: ObjectStore, candidate: registry.Candidate, dataset: str
) -> None:
    predicted(snapshot, dataset)

    [facts] = measured(snapshot)

    metrics = json.loads(snapshot.get(layout.metrics(PARTITION, "mxnet")))
    assert list(metrics) == ["variant", "partition", "dataset_digest", "model_data", "test", "validation"]
    assert metrics["model_data"] == candidate.model_data
    assert metrics["test"]["balanced_accuracy"]["value"] == facts["balanced_accuracy"] == 1.0
    assert metrics["validation"] == HISTORY["validation"]
    assert snapshot.head(layout.predictions(PARTITION, "mxnet"))


def test_the_best_candidate_is_chosen_and_served_by_its_own_artifact(
    snapshot: ObjectStore, candidate: registry.Candidate
) -> None:
    figures = [
        {"variant": "mxnet", "balanced_accuracy": 0.8},
        {"variant": "other", "balanced_accuracy": None},
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
    evaluated = predicted(snapshot, dataset)
    table = snapshot.get(f"{layout.job_prefix('predict-1')}predictions/predictions.csv")
    snapshot.put(layout.predictions(PARTITION, "mxnet"), table)
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
