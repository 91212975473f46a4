"""The stages dataset → report and metrics → report and card, for people to look at."""

from __future__ import annotations

import logging
import time
from typing import Any

from idc import layout
from idc.storage import ObjectStore
from idc.train import candidates

log = logging.getLogger(__name__)


def run(store: ObjectStore, *, dataset_digest: str) -> dict[str, Any]:
    """Write a dataset's report unless it has one; return where it is.

    Raises:
        MissingObject: there is no such dataset.
        CorruptShard: a shard is damaged.
    """
    key = layout.report(dataset_digest)
    is_reused = store.head(key) is not None
    if is_reused:
        log.info("Dataset %s has its report already: %s.", dataset_digest, store.uri(key))
    else:
        _write(store, dataset_digest, key)
    return {"report": store.uri(key), "is_reused": is_reused}


def _write(store: ObjectStore, dataset_digest: str, key: str) -> None:
    from idc.convert.report.building import build

    started = time.monotonic()
    report = build(store, dataset_digest)
    for name, picture in report.pictures.items():
        store.put(layout.report_picture(dataset_digest, name), picture)
    store.put(key, report.html)  # last: it says that the pictures are there
    seconds = time.monotonic() - started
    log.info("Report %s: %d pictures, %.1f s.", store.uri(key), len(report.pictures), seconds)


def evaluation(
    store: ObjectStore, *, partition: str, variant: str, tuning_job: str = "", is_decided: bool = False
) -> dict[str, Any]:
    """Write a measured candidate's report, heatmaps and model card; return where they are.

    The same documents give the same bytes, so that running it again changes nothing. `tuning_job` is what
    found the model's hyperparameters, if anything did. Where it `is_decided` about these measures, the report
    tells the partition's decision: before, there may be one about others.

    Raises:
        MissingObject: the candidate has not been measured, or its dataset is gone.
        CorruptShard: a shard of its dataset is damaged.
    """
    from idc.evaluate.report import card
    from idc.evaluate.report.evaluation import build, read_evaluation
    from idc.evaluate.report.statements import RESEARCH

    started = time.monotonic()
    facts = read_evaluation(store, partition, variant, is_decided=is_decided)
    made = build(store, facts)
    candidate = candidates.candidate(store, partition, variant)
    content = card.card(store, candidate, facts.metrics, tuning_job=tuning_job)
    candidates.write_json(store, layout.card(partition, variant), content)
    store.put(layout.card(partition, variant, "html"), card.page(content, candidate, facts.metrics))
    for (patient, slide), picture in made.heatmaps.items():
        store.put(layout.heatmap(partition, variant, patient, slide), picture)
    for name, picture in made.pictures.items():
        store.put(layout.evaluation_picture(partition, variant, name), picture)
    key = layout.evaluation_report(partition, variant)
    store.put(key, made.html)  # last: it says that the others are there
    log.info("Report %s: %.1f s. %s", store.uri(key), time.monotonic() - started, RESEARCH)
    return {
        "variant": variant,
        "report": store.uri(key),
        "card": store.uri(layout.card(partition, variant)),
        "card_page": store.uri(layout.card(partition, variant, "html")),
    }
