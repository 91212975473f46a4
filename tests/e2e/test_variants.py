"""All four variants on the embedded AWS, but without Airflow's processes: trained, scored, chosen from."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import airflow_task
import pytest
from library_run import PARTITION, SETTINGS, requested

from histoflow.operators.sagemaker import SageMakerTrainingOperator, SageMakerTransformOperator
from idc import layout
from idc.deploy import stage as deploy
from idc.evaluate import stage as evaluate
from idc.evaluate.predictions import parsed
from idc.storage import ObjectStore
from idc.train import candidates as registry, stage as train
from idc.train.options import TrainingOptions
from idc.variants.all import VARIANTS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

NEXT = "2026-11"
OPTIONS = TrainingOptions(
    tuple(VARIANTS),
    {
        name: {"epochs": 1, "batch-size": 16, "seed": 7}
        if one.is_script
        else {"epochs": 4, "mini_batch_size": 8, "learning_rate": 0.01, "optimizer": "nag"}
        for name, one in VARIANTS.items()
    },
    synthetic_epochs=None,
)


@pytest.fixture(scope="module")
def planned(store: ObjectStore) -> list[dict[str, Any]]:
    """The training jobs, requested in the SDK's environment: the built-in variants ask for the same."""
    plans = train.plan(store, SETTINGS, dag_id="idc_train", partition=PARTITION, options=OPTIONS)
    return requested("idc.train.request", plans)


@pytest.fixture(scope="module")
def candidates(store: ObjectStore, planned: list[dict[str, Any]]) -> list[registry.Candidate]:
    """What the three jobs made."""
    assert [spec["variants"] for spec in planned] == [
        ["builtin-lowlevel", "builtin-sdk"],
        ["tensorflow"],
        ["mxnet"],
    ]
    jobs = [airflow_task.run(SageMakerTrainingOperator(task_id="train", spec=spec)) for spec in planned]
    train.record(store, partition=PARTITION, planned=planned, jobs=jobs)
    return registry.candidates(store, PARTITION)


@pytest.fixture(scope="module")
def measured(store: ObjectStore, candidates: list[registry.Candidate]) -> list[dict[str, Any]]:
    """What the transform jobs' answers are worth."""
    plans = evaluate.plan(store, SETTINGS, dag_id="idc_deploy", partition=PARTITION)
    jobs = [airflow_task.run(SageMakerTransformOperator(task_id="score", spec=plan)) for plan in plans]
    again = [airflow_task.run(SageMakerTransformOperator(task_id="score", spec=plan)) for plan in plans]
    assert again == jobs, "a completed transform job is adopted"
    return evaluate.measure(store, SETTINGS, partition=PARTITION, planned=plans, jobs=jobs)


def test_every_variant_becomes_a_candidate(candidates: list[registry.Candidate]) -> None:
    assert tuple(one.variant for one in candidates) == tuple(VARIANTS)
    for one in candidates:
        assert 0 <= one.metrics["validation:accuracy"] <= 1, one.variant
        assert one.run_s is not None


def test_every_variant_answers_for_the_same_patches(
    store: ObjectStore, measured: list[dict[str, Any]]
) -> None:
    tables = [parsed(store.get(layout.predictions(PARTITION, name))) for name in VARIANTS]

    assert [facts["variant"] for facts in measured] == list(VARIANTS)
    for table in tables:
        assert table.patch.tolist() == tables[0].patch.tolist()
        assert table.label.tolist() == tables[0].label.tolist()
        assert len(set(table.probability.tolist())) > len(table) / 4
    assert tables[0].probability.tolist() == tables[1].probability.tolist(), "one training, one model"
    assert len({tuple(table.probability.tolist()) for table in tables}) == 3


def test_the_one_that_is_best_on_validation_is_chosen(
    store: ObjectStore, measured: list[dict[str, Any]]
) -> None:
    chosen = deploy.judge(store, SETTINGS, partition=PARTITION, champion=None)

    figures = {
        name: json.loads(store.get(layout.metrics(PARTITION, name)))["validation"]["balanced_accuracy"]
        for name in VARIANTS
    }
    assert figures[chosen.variant]["value"] == max(figure["value"] for figure in figures.values())


def test_the_next_month_begins_with_this_months_model(
    store: ObjectStore, candidates: list[registry.Candidate]
) -> None:
    for key in (layout.manifest, layout.dataset_pointer):
        store.put(key(NEXT), store.get(key(PARTITION)))
    chosen = replace(OPTIONS, variants=("builtin-lowlevel", "builtin-sdk"))
    plans = train.plan(store, SETTINGS, dag_id="idc_train", partition=NEXT, options=chosen)
    _, sdk = requested("idc.train.request", plans)

    job = airflow_task.run(SageMakerTrainingOperator(task_id="train", spec=sdk))
    train.record(store, partition=NEXT, planned=[sdk], jobs=[job])

    made = registry.candidate(store, NEXT, "builtin-sdk")
    assert (made.start, made.start_job) == ("incremental", candidates[0].training_job)
    assert made.model_sha256 != candidates[0].model_sha256


def test_the_data_of_a_job_is_where_it_was_asked_to_be(
    store: ObjectStore, candidates: list[registry.Candidate]
) -> None:
    for one in candidates:
        assert one.model_data == store.uri(f"{layout.job_prefix(one.training_job)}output/model.tar.gz")
        assert registry.sha256_of(store, layout.parse_uri(one.model_data)[1]) == one.model_sha256
