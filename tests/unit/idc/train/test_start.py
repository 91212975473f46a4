"""Transfer learning begins with a model that flatters nobody, and equal requests are one job."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from unit.idc.rehearsal import PARTITION, SETTINGS, TRAINING, packed, plan_training, requested

from idc import layout
from idc.converter.index import find_index
from idc.converter.split import read_csv, write_csv
from idc.evaluate.served_model import ServedModel
from idc.jobs.training import FULL, INCREMENTAL, PRETRAINED
from idc.storage import ObjectStore
from idc.train import candidates, stage, start
from idc.train.candidates import Candidate

BUILTIN = replace(TRAINING, variants=("builtin-lowlevel", "builtin-sdk"))
NETWORK = {"num_layers": "20", "image_shape": "3,44,44", "num_classes": "2"}
OTHER = "e" * 64

Earlier = Callable[..., Candidate]


@pytest.fixture
def earlier(snapshot: ObjectStore, dataset: str) -> Earlier:
    """Leave a built-in candidate of an earlier partition, on this dataset unless it is given another."""

    def leave(partition: str = "2026-09", variant: str = "builtin-lowlevel", **changes: Any) -> Candidate:
        job = f"idc-train-{partition}-{variant}-0123456789"
        key, artifact = f"{layout.job_prefix(job)}output/model.tar.gz", packed({"weights": job.encode()})
        snapshot.put(key, artifact)
        made = Candidate(
            variant=variant,
            partition=partition,
            dataset_digest=dataset,
            training_job=job,
            model_data=snapshot.uri(key),
            model_sha256=hashlib.sha256(artifact).hexdigest(),
            run_s=1,
            hyperparameters=NETWORK,
            metrics={"validation:accuracy": 0.8},
        )
        made = replace(made, **changes)
        snapshot.put(layout.manifest(partition), b"{}")
        candidates.write_candidate(snapshot, made)
        return made

    return leave


def another_dataset(store: ObjectStore, digest: str, *, synthetic: bool = True, **sides: str) -> None:
    """Leave a dataset like the partition's, with some of its patients on other sides."""
    own = candidates.dataset_digest(store, PARTITION)
    rows = read_csv(store.get(layout.split_table(own)))
    moved = [row._replace(split=sides.get(f"p{row.patient}", row.split)) for row in rows]
    index = find_index(store, own)
    assert index is not None
    store.put(layout.split_table(digest), write_csv(moved))
    store.put(layout.index(digest), replace(index, dataset_digest=digest, synthetic=synthetic).to_json())


def patient_of(store: ObjectStore, split: str) -> str:
    rows = read_csv(store.get(layout.split_table(candidates.dataset_digest(store, PARTITION))))
    return next(row.patient for row in rows if row.split == split)


def begun(store: ObjectStore, **options: Any) -> dict[str, Any]:
    """Return the start of builtin-sdk."""
    plans = stage.plan(
        store,
        options.pop("settings", SETTINGS),
        dag_id="idc_train",
        partition=PARTITION,
        options=BUILTIN,
        **options,
    )
    assert plans[0]["start"]["kind"] == FULL, "builtin-lowlevel is full training"
    return dict(plans[1]["start"])


def test_in_a_first_month_both_built_in_variants_ask_for_one_job_and_record_it(
    snapshot: ObjectStore, dataset: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    planned = requested(plan_training(snapshot))

    assert [one["variants"] for one in planned] == [
        ["builtin-lowlevel", "builtin-sdk"],
        ["tensorflow"],
        ["mxnet"],
    ]
    key = f"{layout.job_prefix('once')}output/model.tar.gz"
    snapshot.put(key, packed({"weights": b"1"}))
    job = {"job": "once", "model_data": snapshot.uri(key), "run_s": 3}
    facts = stage.record(snapshot, partition=PARTITION, planned=planned[:1], jobs=[job])

    first, second = (candidates.candidate(snapshot, PARTITION, name) for name in BUILTIN.variants)
    assert replace(first, variant="builtin-sdk") == second
    assert (second.training_job, second.start) == ("once", FULL)
    assert [one["variant"] for one in facts] == list(BUILTIN.variants)
    assert candidates.same_training([first, second]) == {
        "builtin-lowlevel": ["builtin-sdk"],
        "builtin-sdk": ["builtin-lowlevel"],
    }
    assert "builtin-sdk: full training" in caplog.text
    assert "builtin-lowlevel and builtin-sdk: same training job, once" in caplog.text


def test_full_training_has_one_name_whichever_variant_asks_for_it(
    snapshot: ObjectStore, dataset: str
) -> None:
    [alone] = requested(plan_training(snapshot, replace(TRAINING, variants=("builtin-sdk",))))
    [both] = requested(plan_training(snapshot, BUILTIN))

    assert (alone["prefix"], alone["request"]) == (both["prefix"], both["request"])


def test_the_newest_and_then_the_most_accurate_earlier_model_is_the_start(
    snapshot: ObjectStore, earlier: Earlier
) -> None:
    earlier("2026-08", metrics={"validation:accuracy": 0.99})
    earlier("2026-09", metrics={"validation:accuracy": 0.7})
    best = earlier("2026-09", "builtin-sdk", metrics={"validation:accuracy": 0.9})
    earlier("2026-11")
    lowlevel, sdk = requested(plan_training(snapshot, BUILTIN))

    assert (lowlevel["variants"], sdk["variants"]) == (["builtin-lowlevel"], ["builtin-sdk"])
    assert sdk["start"] == {
        "kind": INCREMENTAL,
        "training_job": best.training_job,
        "partition": "2026-09",
        "model_data": best.model_data,
        "datasets": (best.dataset_digest,),
    }
    assert sdk["request"]["InputDataConfig"][-1] == {
        "ChannelName": "model",
        "DataSource": {
            "S3DataSource": {
                "S3DataType": "S3Prefix",
                "S3Uri": best.model_data,
                "S3DataDistributionType": "FullyReplicated",
            }
        },
        "InputMode": "File",
        "ContentType": "application/x-sagemaker-model",
    }
    assert sdk["prefix"] == f"idc_train-{PARTITION}-builtin-sdk"


def test_pretrained_weights_go_before_an_earlier_model(snapshot: ObjectStore, earlier: Earlier) -> None:
    earlier()
    settings = SETTINGS.model_copy(update={"builtin_pretrained": True})
    _, sdk = stage.plan(snapshot, settings, dag_id="d", partition=PARTITION, options=BUILTIN)

    assert sdk["start"]["kind"] == PRETRAINED
    assert [channel["name"] for channel in sdk["plan"]["channels"]] == ["train", "validation"]
    chosen = {name: sdk["plan"]["hyperparameters"][name] for name in ("use_pretrained_model", "num_layers")}
    assert chosen == {"use_pretrained_model": 1, "num_layers": 18}
    assert sdk["plan"]["hyperparameters"]["image_shape"] == "3,224,224"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"hyperparameters": {**NETWORK, "num_layers": "18"}}, "its num_layers is 18, expected 20"),
        ({"model_sha256": "0" * 64}, "its artifact has changed or is gone"),
        ({"dataset_digest": "0" * 64}, "it was trained on an unknown dataset"),
        ({"start": INCREMENTAL}, "the patients it has seen are not known"),
    ],
)
def test_an_unfit_model_is_no_start(
    snapshot: ObjectStore,
    earlier: Earlier,
    changes: dict[str, Any],
    reason: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    earlier(**changes)

    assert begun(snapshot)["kind"] == FULL
    assert reason in caplog.text


def test_a_rejected_model_is_no_start(snapshot: ObjectStore, earlier: Earlier) -> None:
    older, rejected = earlier("2026-08"), earlier("2026-09")

    assert begun(snapshot, rejected=[rejected.model_sha256])["training_job"] == older.training_job


def test_a_model_of_real_patches_is_no_start_for_generated_ones(
    snapshot: ObjectStore, earlier: Earlier
) -> None:
    another_dataset(snapshot, OTHER, synthetic=False)
    earlier(dataset_digest=OTHER)

    assert begun(snapshot)["kind"] == FULL


@pytest.mark.parametrize(
    ("side_here", "side_there", "is_start"),
    [
        ("test", "train", False),
        ("test", "validation", False),
        ("validation", "train", False),
        ("validation", "validation", True),
        ("validation", "test", True),
        ("train", "test", True),
        ("test", "test", True),
    ],
)
def test_a_model_that_has_seen_who_measures_it_is_no_start(
    snapshot: ObjectStore, earlier: Earlier, side_here: str, side_there: str, is_start: bool
) -> None:
    another_dataset(snapshot, OTHER, **{f"p{patient_of(snapshot, side_here)}": side_there})
    earlier(dataset_digest=OTHER)

    assert (begun(snapshot)["kind"] == INCREMENTAL) is is_start


def test_a_model_has_seen_the_patients_of_the_models_before_it_too(
    snapshot: ObjectStore, earlier: Earlier, dataset: str
) -> None:
    patient = patient_of(snapshot, "test")
    another_dataset(snapshot, OTHER, **{f"p{patient}": "train"})
    made = earlier(start=INCREMENTAL)
    start.record(snapshot, made, start.Start(INCREMENTAL, "older", "2026-08", "s3://b/m", (OTHER,)))

    assert json.loads(snapshot.get(layout.lineage(made.model_sha256)))["datasets"] == [dataset, OTHER]
    assert begun(snapshot)["kind"] == FULL
    champion = ServedModel(
        "builtin-sdk", "2026-09", dataset, "j", "", made.model_data, made.model_sha256, 0.5, 1.0, 0.0, True,
        "", "", "", "", INCREMENTAL,
    )  # fmt: skip
    assert patient in (start.seen_patients(snapshot, champion) or ())
    assert patient not in (start.seen_patients(snapshot, replace(champion, start=FULL)) or ())
    snapshot.delete(layout.lineage(made.model_sha256))
    assert start.seen_patients(snapshot, champion) is None
