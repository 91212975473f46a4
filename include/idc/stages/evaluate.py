"""The stage candidates → metrics: all predict the same test patches and are measured by the same lines."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from idc import layout, registry
from idc.dataset.storage import ObjectStore
from idc.evaluation.metrics import evaluate
from idc.evaluation.predictions import Predictions, read_predictions
from idc.jobs import mxnet
from idc.registry import Candidate
from idc.settings import Settings
from idc.stages.train import VARIANTS

log = logging.getLogger(__name__)

BOOTSTRAP_SEED = 7
DECIDES = "balanced_accuracy"


def plan(store: ObjectStore, settings: Settings, *, dag_id: str, partition: str) -> list[dict[str, Any]]:
    """Return a job for each candidate of the partition that predicts the test patches.

    Raises:
        MissingObject: a variant has no candidate.
    """
    candidates = [registry.candidate(store, partition, variant) for variant in VARIANTS]
    specs = [mxnet.prediction_spec(store, settings, dag_id=dag_id, candidate=found) for found in candidates]
    return [{"variant": variant, **spec.to_dict()} for variant, spec in zip(VARIANTS, specs, strict=True)]


def measure(
    store: ObjectStore,
    *,
    partition: str,
    planned: Iterable[Mapping[str, Any]],
    jobs: Iterable[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Write every candidate's predictions and metrics; return the figures that decide between them."""
    facts = []
    for variant, job in zip([plan["variant"] for plan in planned], jobs, strict=True):
        candidate = registry.candidate(store, partition, variant)
        content = store.get(f"{layout.job_prefix(job['job'])}{mxnet.PREDICTIONS}/predictions.csv")
        store.put(layout.predictions(partition, variant), content)
        metrics = metrics_of(candidate, parsed(content))
        registry.write_json(store, layout.metrics(partition, variant), metrics)
        figure = metrics["test"][DECIDES]
        log.info("%s: %s %s on %d patients", variant, DECIDES, figure, metrics["test"]["patients"])
        facts.append(
            {"variant": variant, DECIDES: figure["value"], "low": figure["low"], "high": figure["high"]}
        )
    return facts


def metrics_of(candidate: Candidate, predictions: Predictions) -> dict[str, Any]:
    """Return metrics.json: measured on the test patients, and the kept epoch's own figures on validation."""
    return {
        "variant": candidate.variant,
        "partition": candidate.partition,
        "dataset_digest": candidate.dataset_digest,
        "model_data": candidate.model_data,
        "test": evaluate(predictions, seed=BOOTSTRAP_SEED),
        "validation": candidate.validation,
    }


def parsed(content: bytes) -> Predictions:
    """Return the predictions in a predictions.csv.

    Raises:
        InputError: it is not such a table.
    """
    return read_predictions(io.StringIO(content.decode(errors="replace")))
