from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import Asset
from airflow.sdk.execution_time.context import set_current_context

from histoflow import forms, handover, runs
from idc.errors import ConfigurationError
from idc.ingest.stage import BREAST_HISTOPATHOLOGY
from idc.settings import settings
from idc.storage import ObjectStore
from idc.variants.all import VARIANTS

EMPTY = dict.fromkeys(forms.training(), None)


@pytest.fixture(autouse=True)
def complete_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("HISTOFLOW_BUCKET", "a-bucket")
    monkeypatch.setenv("HISTOFLOW_ROLE_ARN", "arn:aws:iam::123456789012:role/histoflow")
    monkeypatch.setenv("HISTOFLOW_EPOCHS", "5")
    monkeypatch.setenv("HISTOFLOW_MXNET_EPOCHS", "4")
    settings.cache_clear()
    yield
    settings.cache_clear()


@contextmanager
def context(
    partition_key: str | None = "2026-10",
    events: list[Any] | None = None,
    attempt: int = 1,
    run_id: str = "manual__1",
    dag_id: str = "a_dag",
    conf: dict[str, Any] | None = None,
    **params: Any,
) -> Iterator[Any]:
    """Make these the facts of the running task."""
    facts = {"partition_key": partition_key, "run_id": run_id, "dag_id": dag_id, "conf": conf}
    values: Any = {
        "dag": SimpleNamespace(dag_id=dag_id),
        "dag_run": SimpleNamespace(**facts, run_type=run_id.partition("__")[0]),
        "params": params,
        "ti": SimpleNamespace(try_number=attempt),
        "triggering_asset_events": {"idc_snapshot": events or []},
    }
    with set_current_context(values):
        yield values


def test_the_partition_is_the_runs() -> None:
    with context():
        assert runs.partition() == "2026-10"


def test_a_run_without_a_partition_says_what_to_do() -> None:
    with (
        context(partition_key=None),
        pytest.raises(ConfigurationError, match="run manual__1: no partition key"),
    ):
        runs.partition()


def test_what_the_form_leaves_empty_comes_from_the_settings() -> None:
    with context(**{**EMPTY, "batch_size": 32, "seed": 0, "builtin_optimizer": "adam"}):
        found = runs.training_options()

    assert found.variants == tuple(VARIANTS)
    script = {"batch-size": 32, "learning-rate": settings().learning_rate, "seed": 0}
    assert found.hyperparameters("tensorflow", is_synthetic=False) == {"epochs": 5, **script}
    assert found.hyperparameters("mxnet", is_synthetic=False) == {"epochs": 4, **script}
    builtin = found.hyperparameters("builtin-sdk", is_synthetic=False)
    assert (builtin["epochs"], builtin["optimizer"]) == (settings().builtin_epochs, "adam")
    assert found.synthetic_epochs == settings().synthetic_epochs


def test_epochs_from_the_form_hold_for_generated_patches_too() -> None:
    with context(**{**EMPTY, "variants": ["mxnet"], "epochs": 9}):
        found = runs.training_options()

    assert found.variants == ("mxnet",)
    assert found.hyperparameters("mxnet", is_synthetic=True)["epochs"] == 9
    assert found.synthetic_epochs is None


def test_tuning_goes_by_the_form_and_all_leaves_out_what_is_the_same_algorithm() -> None:
    form = {name: param.value for name, param in forms.tuning().items()}
    with context(**form):
        default = runs.tuning_options()
    with context(
        **{**form, "variant": "all", "ranges": {"dropout": [0, 0.5]}, "warm_start": ["t"], "seed": 0}
    ):
        chosen = runs.tuning_options()

    assert default.variants == ("builtin-lowlevel",)
    assert (default.jobs, default.parallel, default.strategy) == (12, 2, "Bayesian")
    assert (default.early_stopping, default.epochs, default.seed) == (True, None, settings().seed)
    assert chosen.variants == ("builtin-lowlevel", "tensorflow", "mxnet")
    assert (chosen.ranges, chosen.warm_start, chosen.seed) == ({"dropout": [0, 0.5]}, ("t",), 0)


def test_early_stopping_can_be_turned_off() -> None:
    form = {name: param.value for name, param in forms.tuning().items()}
    with context(**{**form, "early_stopping": False}):
        assert runs.tuning_options().early_stopping is False


def test_the_interpreter_of_the_sdk_is_a_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HISTOFLOW_ENVS", str(tmp_path))
    settings.cache_clear()
    with pytest.raises(ConfigurationError, match="HISTOFLOW_SAGEMAKER_SDK_PYTHON"):
        runs.sdk_python()

    monkeypatch.setenv("HISTOFLOW_SAGEMAKER_SDK_PYTHON", sys.executable)
    settings.cache_clear()
    assert runs.sdk_python() == sys.executable


def test_the_split_comes_from_the_form_and_the_settings() -> None:
    form = {"seed": 3, "train_share": 0.8, "validation_share": 0.1, "test_share": 0.1, "formats": ["image"]}
    with context(**form, edge_patches=None):
        options = runs.conversion_options()

    assert options.seed == 3
    assert options.formats == ("image",)
    assert options.edge_patches == "pad"
    assert options.shares.train == 0.8
    assert options.quarantine_limit == settings().quarantine_limit


def test_a_given_split_comes_from_the_form_else_the_run_before_else_the_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = [
        SimpleNamespace(extra=extra) for extra in (None, {"split": "s3://b/before.csv"}, {"split": None})
    ]
    with context(split="s3://b/form.csv", events=before):
        assert runs.given_split() == "s3://b/form.csv"
    with context(split="", events=before):
        assert runs.given_split() == "s3://b/before.csv"
    with context(split=None):
        assert runs.given_split() is None
    monkeypatch.setenv("HISTOFLOW_SPLIT", "s3://b/setting.csv")
    settings.cache_clear()
    with context(split=None, events=before[:1]):
        assert runs.given_split() == "s3://b/setting.csv"


def test_each_attempt_to_rebuild_is_a_request_of_its_own() -> None:
    with context(rebuild=False):
        assert runs.rebuild() == ""
    with context(rebuild=True, attempt=1):
        first = runs.rebuild()
    with context(rebuild=True, attempt=2):
        assert first
        assert runs.rebuild() != first


def test_shares_that_do_not_add_up_are_refused() -> None:
    with (
        context(seed=None, train_share=0.9, validation_share=None, test_share=None),
        pytest.raises(ConfigurationError, match="shares"),
    ):
        runs.conversion_options()


@pytest.mark.parametrize(
    ("form", "setting", "has_connection", "expected"),
    [
        ({"archive": "s3://b/k"}, "/a.zip", True, "s3://b/k"),
        ({}, "/a.zip", True, "/a.zip"),
        ({}, None, True, BREAST_HISTOPATHOLOGY),
        ({"version": 2}, None, True, f"{BREAST_HISTOPATHOLOGY}?version=2"),
        ({"archive": "kaggle://o/n", "version": 3}, None, False, "kaggle://o/n?version=3"),
        ({"archive": "kaggle://o/n?version=3"}, None, False, "kaggle://o/n?version=3"),
    ],
)
def test_the_archive_is_that_of_the_form_the_setting_or_kaggle(
    monkeypatch: pytest.MonkeyPatch,
    form: dict[str, Any],
    setting: str | None,
    has_connection: bool,
    expected: str,
) -> None:
    provide(monkeypatch, setting, has_connection=has_connection)
    with context(**{"archive": None, "version": None, **form}):
        assert runs.archive() == expected


@pytest.mark.parametrize(
    "form", [{}, {"archive": "/a.zip", "version": 1}, {"archive": "kaggle://o/n?version=3", "version": 4}]
)
def test_no_archive_or_one_without_that_version_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, form: dict[str, Any]
) -> None:
    provide(monkeypatch, None, has_connection=False)
    with context(**{"archive": None, "version": None, **form}), pytest.raises(ConfigurationError):
        runs.archive()


def provide(monkeypatch: pytest.MonkeyPatch, setting: str | None, *, has_connection: bool) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_KAGGLE_DEFAULT", raising=False)
    if has_connection:
        monkeypatch.setenv("AIRFLOW_CONN_KAGGLE_DEFAULT", '{"conn_type": "kaggle"}')
    if setting is not None:
        monkeypatch.setenv("HISTOFLOW_ARCHIVE", setting)


def test_values_for_later_dags_go_before_the_forms_defaults_and_after_what_the_run_was_given() -> None:
    passed = [SimpleNamespace(extra={"then": {"idc_train": {"variants": ["mxnet"], "epochs": 2}}})]
    form = {**EMPTY, "variants": list(VARIANTS), "rebuild": False}
    with context(events=passed, dag_id="idc_train", **form):
        assert (runs.parameter("variants", None), runs.parameter("epochs", 9)) == (["mxnet"], 2)
        assert runs.training_options().variants == ("mxnet",)
    with context(events=passed, dag_id="idc_train", conf={"epochs": None}, **form):
        assert (runs.parameter("variants", None), runs.parameter("epochs", 9)) == (["mxnet"], 9)
    with context(events=passed, dag_id="idc_convert", **form):
        assert runs.parameter("variants", None) == list(VARIANTS)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"idc_train": {"epochs": 0}}, "idc_train.epochs"),
        ({"idc_train": {"depth": 3}}, "idc_train.depth: not there"),
        ({"idc_dream": {"epochs": 3}}, "idc_dream.epochs: not there"),
    ],
)
def test_what_later_forms_would_refuse_is_refused_at_once(values: dict[str, Any], problem: str) -> None:
    handover.check({"idc_train": {"variants": ["mxnet"], "epochs": 2}, "idc_convert": {"rebuild": True}})
    with pytest.raises(ConfigurationError, match=problem):
        handover.check(values)


def test_a_run_keeps_what_it_was_asked_for_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    provide(monkeypatch, "https://you:secret@h.org/b.zip?signature=secret", has_connection=False)
    asset, written = Asset(name="idc_snapshot"), {}
    store = ObjectStore(SimpleNamespace(put_object=lambda **call: written.update(call)), "a-bucket")
    conf = {"archive": "https://me:secret@h.org/a.zip?signature=secret", "then": {"idc_train": {"epochs": 2}}}
    events = {asset: SimpleNamespace(extra=None)}
    with context(run_id="backfill__2026-06-01T03:00:00+00:00", dag_id="idc_ingest", conf=conf, **conf) as run:
        run["outlet_events"] = events
        facts = {"patients": 7, "split": "https://h.org/s.csv?signature=secret"}
        handover.announce(run, store, asset, facts)

    assert events[asset].extra == {**facts, "then": {"idc_train": {"epochs": 2}}}
    assert written["Key"] == "runs/2026-10/idc_ingest/backfill__2026-06-01T03-00-00-00-00.json"
    assert b"secret" not in bytes(written["Body"])
    kept = json.loads(bytes(written["Body"]))
    assert kept["conf"]["archive"] == "https://h.org/a.zip"
    assert kept["settings"]["archive"] == "https://h.org/b.zip"
    assert kept["made"] == {"patients": 7, "split": "https://h.org/s.csv"}
    assert (kept["run_type"], kept["settings"]["epochs"]) == ("backfill", 5)
