"""What the tasks of idc_monitor do besides looking: which way they go, and what they ask of idc_train."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import airflow_home  # noqa: F401  (before Airflow)
import boto3
import pytest
from airflow.sdk.execution_time.context import OutletEventAccessors, set_current_context
from moto import mock_aws

from histoflow import forms, handover, monitoring, runs
from histoflow.defaults import RETRAIN
from idc import layout
from idc.errors import ConfigurationError
from idc.ingest.snapshot import point_to_dataset
from idc.settings import settings
from idc.storage import ObjectStore

DAY, PARTITION, MODEL = "2026-11-24", "2026-11", "a" * 64
FOUND = {
    "day": DAY,
    "model": "v3-mxnet",
    "model_sha256": MODEL,
    "outcome": "retrain",
    "reasons": ["eosin, mean amount: stability index 0.400 over 300 patches"],
    "report": f"s3://a-bucket/monitoring/{DAY}/report.html",
    "page": f"/histoflow/monitoring/{DAY}/report.html",
    "is_served": True,
}
FORM = {name: param.value for name, param in forms.monitoring().items()}


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("HISTOFLOW_BUCKET", "a-bucket")
    monkeypatch.setenv("HISTOFLOW_ROLE_ARN", "arn:aws:iam::123456789012:role/histoflow")
    settings.cache_clear()
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket="a-bucket")
        yield ObjectStore(boto3.client("s3"), "a-bucket")
    settings.cache_clear()


@pytest.fixture
def dataset(store: ObjectStore) -> ObjectStore:
    """The newest month has a snapshot only."""
    point_to_dataset(store, PARTITION, "d" * 64)
    point_to_dataset(store, "2026-09", "e" * 64)
    store.put(layout.manifest("2026-12"), b"{}")
    return store


@contextmanager
def task(run_id: str = "scheduled__1", day: str | None = DAY, **params: Any) -> Iterator[Any]:
    """A task of a run; what it leaves is there for the next."""
    left: dict[str, Any] = defaultdict(dict)
    instance = SimpleNamespace(
        try_number=1,
        xcom_push=lambda key, value: left["decide"].update({key: value}),
        xcom_pull=lambda task_ids, key: left[task_ids].get(key),
    )
    run = {
        "partition_key": day,
        "run_id": run_id,
        "dag_id": "idc_monitor",
        "conf": {},
        "run_type": "scheduled",
    }
    values: Any = {
        "dag": SimpleNamespace(dag_id="idc_monitor"),
        "dag_run": SimpleNamespace(**run),
        "params": {**FORM, **params},
        "ti": instance,
        "outlet_events": OutletEventAccessors(),
    }
    with set_current_context(values):
        yield values


def decided(found: dict[str, Any] = FOUND) -> str:
    return monitoring.decide(found, keeping="keep", advising="advise", retraining="retrain")


def test_without_a_reason_nothing_follows(dataset: ObjectStore) -> None:
    with task(action="train"):
        assert decided({**FOUND, "reasons": [], "outcome": "keep"}) == "keep"


def test_people_are_told_unless_training_is_what_is_wanted(dataset: ObjectStore) -> None:
    with task():
        assert decided() == "advise"
    with task(action="train"):
        assert decided() == "retrain"


def test_the_setting_can_want_it_too(dataset: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HISTOFLOW_MONITOR_ACTION", "train")
    settings.cache_clear()

    with task():
        assert decided() == "retrain"
    with task(action="notify"):
        assert decided() == "advise"


def test_a_model_that_is_no_longer_served_is_no_reason_to_train(dataset: ObjectStore) -> None:
    with task(action="train"):
        assert decided({**FOUND, "is_served": False}) == "advise"


def test_without_a_dataset_there_is_nothing_to_train_on(store: ObjectStore) -> None:
    with task(action="train"):
        assert decided() == "advise"


def test_the_event_is_of_the_newest_partition_and_fills_in_the_form(dataset: ObjectStore) -> None:
    with task(action="train") as context:
        decided()
        facts = monitoring.retrain(FOUND, asset=RETRAIN)

        event = context["outlet_events"][RETRAIN]

    assert event.partition_keys == {PARTITION}
    assert event.extra == {**facts, "then": {"idc_train": {"rebuild": True, "seed": 20261124}}}
    assert facts["reasons"] == FOUND["reasons"]
    handover.check(event.extra["then"])
    [kept] = list(dataset.keys("runs/"))
    assert json.loads(dataset.get(kept))["made"]["partition"] == PARTITION


def test_what_the_event_asks_for_is_what_idc_train_gets(dataset: ObjectStore) -> None:
    with task(action="train") as context:
        decided()
        monitoring.retrain(FOUND, asset=RETRAIN)
        extra = context["outlet_events"][RETRAIN].extra
    run: Any = SimpleNamespace(partition_key=PARTITION, run_id="asset__1", dag_id="idc_train", conf={})
    training: Any = {
        "dag": SimpleNamespace(dag_id="idc_train"),
        "dag_run": run,
        "params": {name: param.value for name, param in forms.training().items()},
        "ti": SimpleNamespace(try_number=1),
        "triggering_asset_events": {RETRAIN: [SimpleNamespace(extra=extra)]},
    }

    with set_current_context(training):
        assert runs.rebuild() == "asset__1 1"
        assert runs.training_options().hyperparameters("mxnet", is_synthetic=False)["seed"] == 20261124


def test_a_partition_is_trained_again_once_for_a_model(
    dataset: ObjectStore, caplog: pytest.LogCaptureFixture
) -> None:
    with task(action="train"):
        decided()
        monitoring.retrain(FOUND, asset=RETRAIN)
    with task(action="train"):
        assert decided() == "retrain", "the same run is tried again"
    with task("scheduled__2", action="train"), caplog.at_level(logging.INFO):
        assert decided() == "advise"
    assert "has been trained again for this model" in caplog.text
    with task("scheduled__2", action="train"):
        assert decided({**FOUND, "model_sha256": "b" * 64}) == "retrain"
    point_to_dataset(dataset, "2026-12", "f" * 64)
    with task("scheduled__3", action="train"):
        assert decided() == "retrain", "there are new data"


def test_the_form_comes_before_the_settings(dataset: ObjectStore) -> None:
    with task(days=3, drift=0.5):
        options = monitoring._options()

    assert (options.days, options.feedback_days) == (3, settings().monitor_feedback_days)
    assert (options.limits.drift, options.limits.drop) == (0.5, settings().monitor_drop)


def test_before_there_is_an_endpoint_there_is_a_report(dataset: ObjectStore) -> None:
    with task():
        facts = monitoring.report(DAY)

    assert (facts["outcome"], facts["reasons"], facts["model"], facts["is_served"]) == (
        "keep",
        [],
        None,
        False,
    )
    assert facts["page"].endswith(f"/histoflow/monitoring/{DAY}/report.html")
    assert b"serves no model of the registry" in dataset.get(layout.monitoring_report(DAY))


@pytest.mark.parametrize("day", ["None", "2026-11"])
def test_a_run_without_a_day_says_what_to_do(dataset: ObjectStore, day: str) -> None:
    with task(day=None), pytest.raises(ConfigurationError, match="with a day as its partition key"):
        monitoring.report(day)
