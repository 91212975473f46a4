"""Two variants tuned on the embedded AWS, but without Airflow's processes: searched, and followed."""

from __future__ import annotations

import json
from typing import Any

import airflow_task
import pytest
from library_run import PARTITION, SETTINGS, requested

from histoflow.operators.sagemaker import SageMakerTuningOperator
from idc import layout
from idc.storage import ObjectStore
from idc.train import candidates, stage as train
from idc.train.options import TrainingOptions
from idc.tune import stage as tune
from idc.tune.request import TuningOptions

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TRAINING = TrainingOptions(
    ("builtin-lowlevel",),
    {
        "builtin-lowlevel": {"epochs": 1, "mini_batch_size": 8, "learning_rate": 0.01, "optimizer": "nag"},
        "mxnet": {"epochs": 1, "batch-size": 16, "seed": 7},
    },
    synthetic_epochs=None,
)


@pytest.mark.parametrize(
    ("variant", "metric", "ranges"),
    [
        ("builtin-lowlevel", "validation:accuracy", {}),
        ("mxnet", "validation:roc_auc", {"batch-size": [8, 16], "dropout": {"min": 0, "max": 0.5}}),
    ],
)
def test_a_variant_is_tuned_and_the_next_training_follows(
    store: ObjectStore, variant: str, metric: str, ranges: dict[str, Any]
) -> None:
    options = TuningOptions((variant,), ranges, 2, 2, "Bayesian", True, (), None, 7)
    plans = tune.plan(store, SETTINGS, partition=PARTITION, options=options, training=TRAINING)
    planned = requested("idc.tune.request", plans)

    job = airflow_task.run(SageMakerTuningOperator(task_id="tune", spec=planned[0]))
    tune.record(store, partition=PARTITION, planned=planned, jobs=[job])

    assert (job["metric"], sum(job["counts"].values())) == (metric, 2)
    assert f"Tuning of {variant}".encode() in store.get(layout.tuning_page(job["job"]))
    assert candidates.candidate(store, PARTITION, variant).training_job == job["best_job"]
    names = TrainingOptions((variant,), TRAINING.defaults, None)
    [next_plan] = train.plan(store, SETTINGS, dag_id="idc_train", partition=PARTITION, options=names)
    taken = {name: str(next_plan["plan"]["hyperparameters"][name]) for name in job["values"]}
    assert taken == {name: plain(value) for name, value in job["values"].items()}


def plain(value: str) -> str:
    try:
        return str(json.loads(value))
    except json.JSONDecodeError:
        return value
