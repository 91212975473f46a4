"""The stage endpoint → monitoring report: compare captured requests and labels with the model's evaluation.

It reads and judges only: it trains nothing and changes no endpoint.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from idc import layout
from idc.deploy.version import Version
from idc.ingest.snapshot import find_dataset
from idc.monitor import examination
from idc.monitor.options import Options
from idc.monitor.window import Window
from idc.storage import ObjectStore
from idc.train import candidates

log = logging.getLogger(__name__)


def run(
    store: ObjectStore, options: Options, *, endpoint: str, day: str, version: Version | None, now: datetime
) -> dict[str, Any]:
    """Write the figures of the days up to `day`, and the report; return the few that decide.

    What is captured and labelled does not change once a day is over, so looking again writes the same.

    Raises:
        ConfigurationError: the day is none.
        CorruptShard: a shard of the model's dataset is damaged.
    """
    from idc.monitor.report import build

    found = _document(store, options, endpoint, day, version, now)
    made = build(found)
    for name, picture in made.pictures.items():
        store.put(layout.monitoring_picture(day, name), picture)
    store.put(layout.monitoring_report(day), made.html)
    candidates.write_json(store, layout.monitoring(day), found)  # last: it says that the others are there
    page = store.uri(layout.monitoring_report(day))
    _log(found, page)
    model = found["model"] or {}
    return {
        "day": day,
        "report": page,
        "model": model.get("version"),
        "model_sha256": model.get("model_sha256"),
        "patches": found["traffic"]["patches"],
        "labels": found["feedback"]["patches"],
        "outcome": found["outcome"],
        "reasons": found["reasons"],
    }


def model_of(store: ObjectStore, day: str) -> str | None:
    """Return the model package that a day was looked at with when it was over: it keeps that one."""
    body = store.find(layout.monitoring(day))
    found: Mapping[str, Any] = {} if body is None else json.loads(body)
    return str(found["model"]["package"]) if found.get("is_over") and found["model"] else None


def newest_partition(store: ObjectStore) -> str | None:
    """Return the newest month or day that has a dataset, None if none has: a trial has no time."""
    dated = [one for one in candidates.partitions(store) if re.match(r"\d{4}-\d{2}", one)]
    return next((one for one in reversed(dated) if find_dataset(store, one)), None)


def order(
    store: ObjectStore, *, model_sha256: str, partition: str, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Note that a partition is trained again because of a model; return the first such note, this or another.

    Once is enough: the same data trained a third time hold no more than the second.
    """
    key = layout.retraining(model_sha256, partition)
    store.put_new(key, json.dumps(dict(facts), indent=1).encode())
    return dict(json.loads(store.get(key)))


def find_order(store: ObjectStore, *, model_sha256: str, partition: str) -> dict[str, Any] | None:
    """Return the note that `order` left, None if there is none."""
    body = store.find(layout.retraining(model_sha256, partition))
    return None if body is None else dict(json.loads(body))


def _document(
    store: ObjectStore, options: Options, endpoint: str, day: str, version: Version | None, now: datetime
) -> dict[str, Any]:
    """Return monitoring.json."""
    window, labelled = Window.up_to(day, options.days), Window.up_to(day, options.feedback_days)
    found = (
        examination.nothing(endpoint, options)
        if version is None
        else examination.examine(store, options, endpoint=endpoint, day=day, version=version)
    )
    return {
        "format_version": 1,
        "day": day,
        "first_day": next(window.names()),
        "first_feedback_day": next(labelled.names()),
        "is_over": window.end <= now,
        "endpoint": endpoint,
        "model": version and _model(version),
        "limits": asdict(options.limits),
        **found,
    }


def _model(version: Version) -> dict[str, Any]:
    served = version.served
    return {
        "version": version.name,
        "package": version.arn,
        "partition": served.partition,
        "variant": served.variant,
        "model_sha256": served.model_sha256,
        "threshold": served.threshold,
        "synthetic": served.synthetic,
    }


def _log(found: Mapping[str, Any], page: str) -> None:
    traffic, labels = found["traffic"], found["feedback"]
    log.info(
        "%s to %s: %d captured patches of %d sources, %d labels; %s. Research software, not a diagnostic "
        "device. %s",
        found["first_day"],
        found["day"],
        traffic["patches"],
        traffic["sources"],
        labels["patches"],
        found["outcome"],
        page,
    )
    for line in (*found["reasons"], *found["remarks"]):
        log.info("%s", line)
    for refused in (traffic["refused"], labels["refused"]):
        for one in refused["listed"]:
            log.warning("%s: %s. It is left out; the object stays as it is.", one["where"], one["why"])
