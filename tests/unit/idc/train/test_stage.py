"""Training is planned for every variant, and what it made is recorded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from unit.idc.rehearsal import (
    PARTITION,
    TRAINING,
    plan_training,
    requested,
)

from idc import layout
from idc.converter.index import find_index
from idc.errors import CorruptShard, MissingObject
from idc.jobs import source
from idc.storage import ObjectStore
from idc.train import candidates, stage
from idc.variants.all import VARIANTS


def channels(planned: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    return {one["name"]: (one["input_mode"], one["uri"]) for one in planned["plan"]["channels"]}


def test_every_variant_reads_the_partitions_dataset_in_its_own_way(
    snapshot: ObjectStore, dataset: str
) -> None:
    lowlevel, sdk, tensorflow, mxnet = plan_training(snapshot)

    prefix = snapshot.uri(layout.dataset_prefix(dataset))
    for built_in in (lowlevel, sdk):
        assert channels(built_in) == {
            split: ("Pipe", f"{prefix}recordio/{split}.manifest") for split in ("train", "validation")
        }
    assert channels(tensorflow) == {
        split: ("FastFile", f"{prefix}tfrecord/{split}/") for split in ("train", "validation")
    }
    assert channels(mxnet) == {
        split: ("File", f"{prefix}recordio/{split}/") for split in ("train", "validation")
    }
    assert [one["variant"] for one in (lowlevel, sdk, tensorflow, mxnet)] == list(VARIANTS)
    assert lowlevel["prefix"] == "idc_train-2026-10-builtin-lowlevel"


def test_the_two_built_in_variants_differ_in_who_makes_the_request(
    snapshot: ObjectStore, dataset: str
) -> None:
    lowlevel, sdk, *_ = plan_training(snapshot)

    assert lowlevel["plan"].pop("estimator") == ""
    assert sdk["plan"].pop("estimator") == "sagemaker.estimator.Estimator"
    assert lowlevel["plan"] == sdk["plan"]
    index = find_index(snapshot, dataset)
    assert index is not None
    parameters = lowlevel["plan"]["hyperparameters"]
    assert parameters["num_training_samples"] == index.splits["train"].patches
    assert (parameters["num_classes"], parameters["epochs"], parameters["optimizer"]) == (2, 3, "sgd")
    assert parameters["lr_scheduler_step"] == "2,3"


def test_scripts_travel_under_the_digest_of_their_content(snapshot: ObjectStore, dataset: str) -> None:
    for planned in plan_training(snapshot)[2:]:
        assert snapshot.head(layout.parse_uri(planned["plan"]["source"])[1])
        assert planned["plan"]["hyperparameters"]["dataset-digest"] == dataset


def test_the_same_training_is_the_same_plan_and_only_what_is_asked_for(
    snapshot: ObjectStore, dataset: str
) -> None:
    assert plan_training(snapshot) == plan_training(snapshot)
    other = replace(TRAINING, defaults={"mxnet": {"epochs": 3}}, variants=("mxnet",))
    assert [one["variant"] for one in plan_training(snapshot, other)] == ["mxnet"]
    assert plan_training(snapshot, other)[0] != plan_training(snapshot)[3]


def test_training_needs_a_dataset(snapshot: ObjectStore) -> None:
    with pytest.raises(MissingObject, match="idc_convert"):
        plan_training(snapshot)


def test_a_damaged_shard_is_named_before_any_training_is_planned(snapshot: ObjectStore, dataset: str) -> None:
    key = f"{layout.split_prefix(dataset, 'train')}part-00000.rec"
    content = bytearray(snapshot.get(key))
    content[len(content) // 2] ^= 1
    snapshot.put(key, bytes(content))

    with pytest.raises(CorruptShard, match=r"recordio/train/part-00000\.rec"):
        plan_training(snapshot)

    for framework in ("mxnet", "tensorflow"):
        key = layout.code_archive(source.training_source(framework).digest)
        assert snapshot.head(key) is None, "scripts are uploaded for a training that cannot be"


def test_a_candidate_is_recorded_with_what_its_job_reported_and_the_digest_of_its_model(
    snapshot: ObjectStore, candidate: candidates.Candidate, dataset: str
) -> None:
    content = json.loads(snapshot.get(layout.candidate(PARTITION, "mxnet")))

    assert content["metrics"] == {"validation:accuracy": 0.8}
    assert content["hyperparameters"]["epochs"] == "2"
    assert content["training_job"] == "idc-train-2026-10-mxnet-0123456789"
    assert content["run_s"] == 12
    assert content["dataset_digest"] == dataset
    key = layout.parse_uri(content["model_data"])[1]
    assert content["model_sha256"] == candidates.sha256_of(snapshot, key)


def test_a_job_without_a_model_makes_no_candidate(snapshot: ObjectStore, dataset: str) -> None:
    planned = requested(plan_training(snapshot, replace(TRAINING, variants=("mxnet",))))
    job = {"job": "j", "model_data": snapshot.uri("jobs/j/output/model.tar.gz"), "run_s": 1}

    with pytest.raises(MissingObject, match=r"model\.tar\.gz"):
        stage.record(snapshot, partition=PARTITION, planned=planned, jobs=[job])
    with pytest.raises(MissingObject, match="idc_train"):
        candidates.candidate(snapshot, PARTITION, "mxnet")
