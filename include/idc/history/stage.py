"""The stage that looks back: what became of every partition, as one page with a chart."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

from idc import layout
from idc.converter.manifest import find_manifest
from idc.history.partitions import Figure, Month
from idc.ingest.snapshot import find_dataset
from idc.storage import ObjectStore
from idc.train import candidates
from idc.variants.all import VARIANTS

CHAMPION = "champion"  # the model served before, scored on a partition's patients beside the candidates
DEPLOY = "deploy"  # the outcome of a decision by which a candidate becomes the champion

log = logging.getLogger(__name__)


def run(store: ObjectStore) -> dict[str, Any]:
    """Write the page on all partitions and its chart; return where the page is, and how many it tells of."""
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
        yield Month(
            partition=partition,
            patients=manifest.patients,
            patches=sum(manifest.patches.values()),
            synthetic=manifest.synthetic,
            dataset_digest=find_dataset(store, partition) or "",
            candidates=_candidates(store, partition),
            champion=_champion(store, partition),
        )


def _candidates(store: ObjectStore, partition: str) -> dict[str, dict[str, Figure]]:
    """Return the measured figures of a partition's candidates on its test patients, by variant."""
    found = {}
    for variant in (*VARIANTS, CHAMPION):
        if (body := store.find(layout.metrics(partition, variant))) is not None:
            test = json.loads(body)["test"] or {}  # none of a champion that has seen every patient
            figures = {name: one for name, one in test.items() if _is_figure(one)}
            found[variant] = {
                name: Figure(one["value"], one["low"], one["high"]) for name, one in figures.items()
            }
    return found


def _champion(store: ObjectStore, partition: str) -> str:
    """Return the variant that was deployed, `CHAMPION` if the one before was kept, nothing while undecided.

    A model that was decided for and did not come up is no champion.
    """
    if (body := store.find(layout.decision(partition))) is None:
        return ""
    decision = json.loads(body)
    if decision["outcome"] != DEPLOY:
        return CHAMPION
    return str(decision["variant"]) if (decision.get("result") or {}).get("is_deployed") else ""


def _is_figure(value: Any) -> bool:
    return isinstance(value, dict) and value.get("value") is not None and {"low", "high"} <= set(value)
