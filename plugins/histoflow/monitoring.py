"""What the tasks of `idc_monitor` do: AWS through hooks, everything else in the library."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Asset

from histoflow import handover, runs
from histoflow.hooks.registry import RegistryHook
from histoflow.links import address
from idc import layout
from idc.deploy.version import Version
from idc.errors import RequestRejected
from idc.monitor import stage
from idc.monitor.options import Limits, Options
from idc.settings import settings
from idc.storage import ObjectStore

TRAIN = "train"  # the action by which a retraining is started and not only advised
log = logging.getLogger(__name__)


def report(day: str) -> dict[str, Any]:
    """Look at the days up to this one, and write what was found."""
    store, endpoint, now = runs.store(), settings().endpoint_name, datetime.now(UTC)
    served = RegistryHook().served_by(endpoint)
    version = _looked_at(store, day) or served
    facts = stage.run(store, _options(), endpoint=endpoint, day=day, version=version, now=now)
    is_served = version is not None and served is not None and version.arn == served.arn
    return {**facts, "page": address(layout.monitoring_report(day)), "is_served": is_served}


def decide(found: Mapping[str, Any], *, keeping: str, advising: str, retraining: str) -> str:
    """Return which of the three tasks is next; the log says why."""
    if not found["reasons"]:
        return keeping
    if runs.parameter("action", settings().monitor_action) != TRAIN:
        log.info("People are told. With the action `%s` a training would be started.", TRAIN)
        return advising
    if not found["is_served"]:
        log.info("%s is no longer served: people are told.", found["model"])
        return advising
    store = runs.store()
    partition = stage.newest_partition(store)
    if partition is None:
        log.info("There is no dataset to train on: people are told.")
        return advising
    order = stage.find_order(store, model_sha256=found["model_sha256"], partition=partition)
    if order is not None and order["run_id"] != runs.run_id():
        log.info("%s has been trained again for this model: %s. People are told.", partition, order)
        return advising
    runs.hand_on(partition=partition)
    return retraining


def retrain(found: Mapping[str, Any], *, asset: Asset) -> dict[str, Any]:
    """Have the newest partition trained again, and note that it is because of this model."""
    partition = runs.value_of("decide", "partition")
    facts = {
        "day": found["day"],
        "partition": partition,
        "model": found["model"],
        "reasons": list(found["reasons"]),
        "report": found["report"],
    }
    note = {**facts, "run_id": runs.run_id()}
    stage.order(runs.store(), model_sha256=found["model_sha256"], partition=partition, facts=note)
    # The day as a seed: other weights and another order than the training before, the same when tried again.
    form = {"rebuild": True, "seed": int(found["day"].replace("-", ""))}
    runs.announce_for(asset, [partition])
    runs.publish(asset, **facts, **{handover.THEN: {"idc_train": form}})
    return facts


def _options() -> Options:
    """Return how much to look at and what decides, from the trigger form and the settings."""
    default = settings()
    return Options(
        days=runs.parameter("days", default.monitor_days),
        feedback_days=runs.parameter("feedback_days", default.monitor_feedback_days),
        most_patches=default.monitor_most_patches,
        limits=Limits(
            drift=runs.parameter("drift", default.monitor_drift),
            drop=runs.parameter("drop", default.monitor_drop),
            min_patches=runs.parameter("min_patches", default.monitor_min_patches),
            min_labels=runs.parameter("min_labels", default.monitor_min_labels),
        ),
    )


def _looked_at(store: ObjectStore, day: str) -> Version | None:
    """Return the model that a day was looked at with once it was over, None if there is none any more."""
    package = stage.model_of(store, day)
    if package is None:
        return None
    try:
        return RegistryHook().version(package)
    except RequestRejected as error:
        log.warning("%s is looked at with the model that is served now. %s", day, error)
        return None
