"""What a running task knows of its run: the partition, the parameters, and where things are kept."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, get_current_context

from histoflow import forms, handover
from histoflow.hooks.aws import client
from idc.converter.conversion import ConversionSettings
from idc.converter.split import Shares
from idc.errors import ConfigurationError
from idc.settings import settings
from idc.storage import ObjectStore
from idc.train.options import TrainingOptions
from idc.tune.request import TuningOptions
from idc.variants.all import VARIANTS


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


def run_id() -> str:
    """Return the id of the run."""
    return str(get_current_context()["dag_run"].run_id)


def dag_id() -> str:
    """Return the id of the DAG that runs."""
    return str(get_current_context()["dag"].dag_id)


def parameter(name: str, default: Any) -> Any:
    """Return what the trigger form says, or the run before this one, or `default` where that is empty."""
    value = handover.value(get_current_context(), name)
    return default if value in (None, "") else value


def archive() -> str:
    """Return the URI of the archive to ingest, from the form, the settings or, if it can be asked, Kaggle.

    Raises:
        ConfigurationError: there is none, or one without the version that is asked for.
    """
    from idc.ingest.stage import choose

    found = parameter("archive", settings().archive)
    return choose(found, parameter("version", None), has_kaggle=not found and _has_kaggle())


def value_of(task_id: str, key: str) -> Any:
    """Return what another task of the run left under `key`, None for nothing.

    What a task left stays when it is cleared and then skipped: Airflow clears it where the task starts.
    """
    return get_current_context()["ti"].xcom_pull(task_ids=task_id, key=key)


def hand_on(**values: Any) -> None:
    """Leave values for the tasks after this one, each by its own key."""
    for key, value in values.items():
        get_current_context()["ti"].xcom_push(key=key, value=value)


def store() -> ObjectStore:
    """Return the product's bucket."""
    return ObjectStore(client("s3"), settings().bucket)


def publish(asset: Asset, **facts: Any) -> None:
    """Attach `facts` to the event by which this task updates `asset`, and keep the run's manifest."""
    handover.announce(get_current_context(), store(), asset, facts)


def announce_for(asset: Asset, partitions: Iterable[str]) -> None:
    """Make the event by which this task updates `asset` one of these partitions, whatever its run's is."""
    get_current_context()["outlet_events"][asset].add_partitions(list(partitions))


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
        formats=tuple(parameter("formats", default.dataset_formats)),
        edge_patches=parameter("edge_patches", default.edge_patches),
    )


def training_options() -> TrainingOptions:
    """Return what to train and how, from the trigger form and the settings."""
    asked = {name: parameter(name, None) for name in forms.training() if name not in ("variants", "rebuild")}
    return TrainingOptions.of(settings(), parameter("variants", VARIANTS), asked)


def default_training(variants: tuple[str, ...]) -> TrainingOptions:
    """Return how these variants are trained when nobody says anything."""
    return TrainingOptions.of(settings(), variants, {})


def is_person_asked() -> bool:
    """Return whether a person has to approve, from the trigger form and the settings."""
    return bool(parameter("approval", settings().approval) == "human")


def approval_timeout() -> timedelta:
    """Return how long a person may take to answer, from the trigger form and the settings."""
    return timedelta(seconds=parameter("approval_timeout_s", settings().approval_timeout_s))


def tuning_options() -> TuningOptions:
    """Return what to tune and how, from the trigger form and the settings."""
    chosen = parameter("variant", forms.ALL)
    return TuningOptions(
        variants=forms.TUNED_FOR_ALL if chosen == forms.ALL else (chosen,),
        ranges=parameter("ranges", {}),
        jobs=parameter("jobs", None),
        parallel=parameter("parallel", None),
        strategy=parameter("strategy", None),
        early_stopping=parameter("early_stopping", None),
        warm_start=tuple(parameter("warm_start", ())),
        epochs=parameter("epochs", None),
        seed=parameter("seed", settings().seed),
    )


def sdk_python() -> str:
    """Return the interpreter that has the SageMaker Python SDK 2.

    Raises:
        ConfigurationError: it is not there.
    """
    path = settings().sagemaker_sdk_python
    if not path.is_file():
        action = "Build it from requirements/sagemaker-sdk.txt, or set HISTOFLOW_SAGEMAKER_SDK_PYTHON."
        raise ConfigurationError("interpreter", path, "not there", "a Python with the SageMaker SDK", action)
    return str(path)


def given_split() -> str | None:
    """Return the address of a given split: from the form, from the run before this one, or the setting."""
    events = get_current_context().get("triggering_asset_events") or {}
    passed_on = [(event.extra or {}).get("split") for found in events.values() for event in found]
    default = next(filter(None, reversed(passed_on)), settings().split)
    return None if (found := parameter("split", default)) is None else str(found)


def rebuild() -> str:
    """Return a name for the request to make something anew, new at each attempt; empty if there is none."""
    context = get_current_context()
    if not parameter("rebuild", False):
        return ""
    return f"{context['dag_run'].run_id} {context['ti'].try_number}"


def _has_kaggle() -> bool:
    from histoflow.hooks.kaggle import KaggleHook

    return KaggleHook.is_configured()
