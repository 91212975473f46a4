"""The stage dataset → report, for people to look at; nothing waits for it."""

from __future__ import annotations

import logging
import time
from typing import Any

from idc import layout
from idc.dataset.storage import ObjectStore

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
    from idc.report.building import build  # loads Matplotlib and scikit-image

    started = time.monotonic()
    report = build(store, dataset_digest)
    for name, picture in report.pictures.items():
        store.put(layout.report_picture(dataset_digest, name), picture)
    store.put(key, report.html)  # last: it says that the pictures are there
    seconds = time.monotonic() - started
    log.info("Report %s: %d pictures, %.1f s.", store.uri(key), len(report.pictures), seconds)
