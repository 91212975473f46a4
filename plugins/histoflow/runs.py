"""What a running task knows of its run: the partition, the parameters, and where things are kept."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Asset, get_current_context

from histoflow.hooks.aws import client
from idc.dataset.conversion import ConversionSettings
from idc.dataset.split import Shares
from idc.dataset.storage import ObjectStore
from idc.errors import ConfigurationError
from idc.settings import settings


def partition() -> str:
    """Return the run's partition key.

    Raises:
        ConfigurationError: the run was triggered without one.
    """
    run = get_current_context()["dag_run"]
    if not run.partition_key:
        action = "Trigger the DAG again and fill in the partition key."
        raise ConfigurationError("run", run.run_id, "no partition key", "one such as 2026-11", action)
    return str(run.partition_key)


def dag_id() -> str:
    """Return the id of the DAG that runs."""
    return str(get_current_context()["dag"].dag_id)


def parameter(name: str, default: Any) -> Any:
    """Return what the trigger form says, or `default` where it was left empty."""
    value = get_current_context()["params"][name]
    return default if value in (None, "") else value


def store() -> ObjectStore:
    """Return the product's bucket."""
    return ObjectStore(client("s3"), settings().bucket)


def publish(asset: Asset, **facts: Any) -> None:
    """Attach `facts` to the event by which this task updates `asset`."""
    get_current_context()["outlet_events"][asset].extra = facts


def conversion_options() -> ConversionSettings:
    """Return what decides a dataset's shards, from the trigger form and the settings."""
    default = settings()
    shares = Shares(
        train=parameter("train_share", default.train_share),
        validation=parameter("validation_share", default.validation_share),
        test=parameter("test_share", default.test_share),
    )
    return ConversionSettings(
        seed=parameter("seed", default.split_seed),
        shares=shares,
        quarantine_limit=default.quarantine_limit,
    )


def hyperparameters() -> dict[str, object]:
    """Return the training script's arguments, from the trigger form and the settings."""
    default = settings()
    return {
        "epochs": parameter("epochs", default.epochs),
        "batch-size": parameter("batch_size", default.batch_size),
        "learning-rate": parameter("learning_rate", default.learning_rate),
        "seed": parameter("seed", default.seed),
    }
