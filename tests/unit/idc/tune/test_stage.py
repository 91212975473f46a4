"""The stage that tunes, on an S3 in memory, with what a tuning job would have left put there by hand."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from moto import mock_aws
from unit.idc.rehearsal import (
    PARTITION,
    SETTINGS,
    TRAINING,
    contents,
    empty_store,
    filled,
    plan_training,
    requested,
)

from idc import layout
from idc.errors import ConfigurationError
from idc.ingest.snapshot import point_to_dataset
from idc.jobs.spec import JobKind, JobSpec
from idc.storage import ObjectStore
from idc.train import candidates, defaults
from idc.tune import request as tuning, stage
from idc.tune.request import TuningOptions
from idc.tune.trials import Trial, TuningResult
from idc.variants.all import VARIANTS
from idc.variants.script import METRICS

OPTIONS = TuningOptions(("builtin-lowlevel", "mxnet"), {}, 4, 2, "Bayesian", True, (), None, 7)
FOUND = {
    "builtin-lowlevel": {"learning_rate": "0.01", "optimizer": "adam"},
    "mxnet": {"learning-rate": "0.02", "batch-size": '"32"'},
}


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    objects = contents()[2]
    with mock_aws():
        yield filled(empty_store(), objects)


def planned(store: ObjectStore, options: TuningOptions = OPTIONS) -> list[dict[str, Any]]:
    return stage.plan(store, SETTINGS, partition=PARTITION, options=options, training=TRAINING)


def result(store: ObjectStore, variant: str, attempt: int = 1, **values: str) -> dict[str, Any]:
    """Leave what a tuning job's best training job leaves, and return what the task hands on."""
    name = f"2026-10-{variant}-012345678{attempt}"
    key = f"{layout.job_prefix(f'{name}-002-abc')}output/model.tar.gz"
    store.put(key, name.encode())
    return TuningResult(
        job=name,
        arn="arn",
        run_s=60,
        best_job=f"{name}-002-abc",
        values=values or FOUND[variant],
        metric="validation:accuracy",
        objective=0.9,
        counts={"Completed": 4},
        best_run_s=10,
        model_data=store.uri(key),
        metrics={"validation:accuracy": 0.9},
        hyperparameters={"epochs": "2", **(values or FOUND[variant])},
        table=store.uri(layout.trials(name)),
    ).to_dict()


def record(store: ObjectStore, variant: str, attempt: int = 1, **values: str) -> list[dict[str, Any]]:
    plans = planned(store, replace(OPTIONS, variants=(variant,)))
    jobs = [result(store, variant, attempt, **values)]
    return stage.record(store, partition=PARTITION, planned=plans, jobs=jobs)


def hyperparameters(store: ObjectStore, variant: str) -> dict[str, Any]:
    [plan] = plan_training(store, replace(TRAINING, variants=(variant,)))
    return dict(plan["plan"]["hyperparameters"])


def test_a_search_is_planned_for_each_variant_around_its_training_job(store: ObjectStore) -> None:
    builtin, mxnet = planned(store)

    [training] = plan_training(store, replace(TRAINING, variants=("mxnet",)))
    assert mxnet["plan"] == training["plan"]
    assert mxnet["prefix"] == "2026-10-mxnet"
    assert mxnet["synthetic"] is True
    objective = mxnet["search"]["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    assert objective["MetricName"] in METRICS
    assert builtin["plan"]["metrics"] == ()


def test_variants_have_searches_of_their_own_however_long_the_partition_is(store: ObjectStore) -> None:
    partition, options = "p" * 128, replace(OPTIONS, variants=("builtin-lowlevel", "builtin-sdk"))
    point_to_dataset(store, partition, planned(store)[0]["dataset_digest"])
    plans = stage.plan(store, SETTINGS, partition=partition, options=options, training=TRAINING)

    assert len({JobSpec(JobKind.TUNING, plan["prefix"], {}).name() for plan in plans}) == 2


def test_epochs_of_the_form_hold_for_every_training_job(store: ObjectStore) -> None:
    plans = planned(store, replace(OPTIONS, epochs=9))

    assert [plan["plan"]["hyperparameters"]["epochs"] for plan in plans] == [9, 9]


def test_what_was_tuned_before_does_not_change_a_search(store: ObjectStore) -> None:
    before = planned(store)
    record(store, "mxnet")

    assert planned(store) == before


def test_ranges_of_no_chosen_variant_are_refused_before_the_dataset_is_read(store: ObjectStore) -> None:
    with pytest.raises(ConfigurationError, match="of another"):
        planned(store, replace(OPTIONS, ranges={"optimizer": ["sgd"]}))


def test_the_best_job_becomes_the_candidate(store: ObjectStore) -> None:
    [facts] = record(store, "mxnet")

    candidate = candidates.candidate(store, PARTITION, "mxnet")
    assert candidate.training_job == facts["job"] == f"{facts['tuning_job']}-002-abc"
    assert candidate.hyperparameters == {"epochs": "2", **FOUND["mxnet"]}
    assert (candidate.run_s, candidate.metrics) == (10, {"validation:accuracy": 0.9})
    assert candidate.model_sha256 == facts["model_sha256"]


def test_its_values_are_what_the_next_training_takes_and_the_log_says_whose_they_are(
    store: ObjectStore, caplog: pytest.LogCaptureFixture
) -> None:
    before = hyperparameters(store, "mxnet")
    record(store, "mxnet")

    with caplog.at_level(logging.INFO):
        after = hyperparameters(store, "mxnet")

    assert after == {**before, "learning-rate": 0.02, "batch-size": "32"}
    job = "2026-10-mxnet-0123456781"
    assert f"mxnet: learning-rate, batch-size from the tuning job {job}" in caplog.text
    assert "mxnet: epochs, seed from the settings" in caplog.text


def test_the_form_goes_before_what_was_tuned(store: ObjectStore) -> None:
    record(store, "mxnet")

    asked = {"mxnet": {"learning-rate": 0.3}}
    [plan] = plan_training(store, replace(TRAINING, variants=("mxnet",), asked=asked))

    assert plan["plan"]["hyperparameters"]["learning-rate"] == 0.3
    assert plan["plan"]["hyperparameters"]["batch-size"] == "32"


def test_the_same_algorithm_asked_for_by_the_sdk_takes_them_too(store: ObjectStore) -> None:
    record(store, "builtin-lowlevel")

    both = [hyperparameters(store, name) for name in ("builtin-lowlevel", "builtin-sdk")]

    assert both[0] == both[1]
    assert (both[0]["optimizer"], both[0]["learning_rate"]) == ("adam", 0.01)


def test_a_tuned_training_is_requested_as_plain_texts(store: ObjectStore) -> None:
    record(store, "builtin-lowlevel", momentum="0.75")

    [made] = requested(plan_training(store, replace(TRAINING, variants=("builtin-lowlevel",))))

    assert made["request"]["HyperParameters"]["momentum"] == "0.75"


def test_what_was_tuned_on_generated_patches_is_not_for_tissue(store: ObjectStore) -> None:
    record(store, "mxnet")

    assert defaults.current(store, "mxnet", is_synthetic=True) is not None
    assert defaults.current(store, "mxnet", is_synthetic=False) is None


def test_the_defaults_before_are_kept_and_come_back(store: ObjectStore) -> None:
    settings = hyperparameters(store, "mxnet")
    record(store, "mxnet")
    first = hyperparameters(store, "mxnet")
    for _ in range(2):  # a task that is run again records nothing twice
        record(store, "mxnet", attempt=2, dropout="0.1")
    second = hyperparameters(store, "mxnet")

    kept = json.loads(store.get(layout.tuned_defaults("mxnet")))
    assert [entry and entry["tuning_job"] for entry in kept["history"]] == [None, "2026-10-mxnet-0123456781"]
    assert second == {**settings, "dropout": 0.1}
    for _ in range(2):  # one run takes one tuning back, however often its task is tried
        stage.revert(store, ["mxnet"], by="a run")
        assert hyperparameters(store, "mxnet") == first
    for run in ("another", "and another"):
        stage.revert(store, ["mxnet"], by=run)
        assert hyperparameters(store, "mxnet") == settings


def test_what_a_search_found_is_written_with_the_page_last(store: ObjectStore) -> None:
    trials = [
        Trial(f"t-00{n}", "", "Completed", {"dropout": f"0.{n}"}, "m", n / 10, stamp(n), stamp(n + 1))
        for n in (1, 2)
    ]
    search = tuning.search(replace(OPTIONS, ranges={"dropout": {"min": 0, "max": 0.5}}), VARIANTS["mxnet"])

    table = stage.report(store, "t", trials, best=trials[1], about={"request": search, "variant": "mxnet"})

    assert table == store.uri(layout.trials("t"))
    assert [trial["job"] for trial in json.loads(store.get(layout.trials("t")))["trials"]] == [
        "t-001",
        "t-002",
    ]
    assert store.get(layout.trials("t", "csv")).startswith(b"job,")
    assert store.get(layout.tuning_picture("t", "coordinates")).startswith(b"\x89PNG")
    assert b"Tuning of mxnet" in store.get(layout.tuning_page("t"))


def stamp(minute: int) -> str:
    return f"2026-11-01T12:0{minute}:00+00:00"


def test_several_definitions_say_their_ranges_and_their_direction_themselves() -> None:
    one = {"Name": "x", "MinValue": "0", "MaxValue": "1"}
    definition = {
        "TuningObjective": {"Type": "Minimize", "MetricName": "m"},
        "HyperParameterRanges": {"ContinuousParameterRanges": [one]},
    }
    request = {"HyperParameterTuningJobConfig": {}, "TrainingJobDefinitions": [definition, definition]}

    assert stage.ranges_of(request) == {"x": one}
    assert stage.is_maximized(request) is False
