"""The stage that writes the page on all partitions."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

from idc import layout
from idc.converter.manifest import find_manifest
from idc.history import series
from idc.history.months import Figure, Month, champion_of, figures
from idc.ingest.snapshot import find_dataset
from idc.storage import ObjectStore
from idc.train import candidates

METRICS = "/metrics.json"

log = logging.getLogger(__name__)


def run(store: ObjectStore) -> dict[str, Any]:
    """Write the page on all partitions and its chart; return its address and the number of partitions."""
    from idc.history.report import build

    months = list(read(store))
    made = build(months)
    store.put(layout.history_picture(), made.pictures["history"])
    store.put(layout.history_page(), made.html)
    log.info("%d partitions: %s", len(months), store.uri(layout.history_page()))
    return {"page": store.uri(layout.history_page()), "partitions": len(months)}


def read(store: ObjectStore) -> Iterator[Month]:
    """Yield what is known of each partition with a snapshot, the oldest first."""
    for partition in candidates.partitions(store):
        manifest = find_manifest(store, partition)
        if manifest is None:
            continue
        decision = store.find(layout.decision(partition))
        yield Month(
            partition=partition,
            patients=manifest.patients,
            patches=sum(manifest.patches.values()),
            synthetic=manifest.synthetic,
            dataset_digest=find_dataset(store, partition) or "",
            candidates=_candidates(store, partition),
            champion=champion_of(None if decision is None else json.loads(decision)),
        )


def _candidates(store: ObjectStore, partition: str) -> dict[str, dict[str, Figure]]:
    """Return the figures of a partition's candidates on its test patients, by name."""
    prefix = layout.candidates_prefix(partition)
    keys = [key.removeprefix(prefix) for key in store.keys(prefix)]
    names = series.in_order(key.removesuffix(METRICS) for key in keys if key.endswith(METRICS))
    return {name: figures(_document(store, layout.metrics(partition, name)).get("test")) for name in names}


def _document(store: ObjectStore, key: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(store.get(key))
    return found
