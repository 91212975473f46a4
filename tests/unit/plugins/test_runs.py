from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.execution_time.context import set_current_context

from histoflow import runs
from idc.errors import ConfigurationError
from idc.settings import settings


@pytest.fixture(autouse=True)
def complete_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("HISTOFLOW_BUCKET", "a-bucket")
    monkeypatch.setenv("HISTOFLOW_ROLE_ARN", "arn:aws:iam::123456789012:role/histoflow")
    monkeypatch.setenv("HISTOFLOW_EPOCHS", "5")
    settings.cache_clear()
    yield
    settings.cache_clear()


def context(partition_key: str | None = "2026-10", **params: Any) -> Any:
    run = SimpleNamespace(partition_key=partition_key, run_id="manual__1")
    return set_current_context({"dag_run": run, "params": params})  # type: ignore[typeddict-item]


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
    with context(epochs=None, batch_size=32, learning_rate=None, seed=0):
        found = runs.hyperparameters()

    assert (found["epochs"], found["batch-size"], found["seed"]) == (5, 32, 0)
    assert found["learning-rate"] == settings().learning_rate


def test_the_split_comes_from_the_form_and_the_settings() -> None:
    with context(seed=3, train_share=0.8, validation_share=0.1, test_share=0.1):
        options = runs.conversion_options()

    assert options.seed == 3
    assert options.shares.train == 0.8
    assert options.quarantine_limit == settings().quarantine_limit


def test_shares_that_do_not_add_up_are_refused() -> None:
    with (
        context(seed=None, train_share=0.9, validation_share=None, test_share=None),
        pytest.raises(ConfigurationError, match="shares"),
    ):
        runs.conversion_options()
