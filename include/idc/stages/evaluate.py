"""The stage candidates → metrics: all score the same patches and are measured by the same lines.

The threshold from which on a patch counts as class 1 is chosen on validation; the test patients are measured
with it, and decide nothing.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from idc import layout, registry
from idc.dataset.storage import ObjectStore
from idc.evaluation import answers, comparison
from idc.evaluation.metrics import choose_threshold, evaluate
from idc.evaluation.predictions import Predictions, read_predictions, written
from idc.jobs.transform import transform_spec
from idc.registry import Candidate
from idc.settings import Settings

log = logging.getLogger(__name__)

BOOTSTRAP_SEED = 7
VALIDATION_DRAWS = 200  # its bounds are for orientation: the threshold was chosen on it
DECIDES = "balanced_accuracy"


def plan(store: ObjectStore, settings: Settings, *, dag_id: str, partition: str) -> list[dict[str, Any]]:
    """Return a job for each candidate of the partition that scores the validation and test patches.

    Raises:
        MissingObject: the partition has no candidate.
    """
    return [
        {
            "variant": candidate.variant,
            **transform_spec(store, settings, dag_id=dag_id, candidate=candidate),
        }
        for candidate in registry.candidates(store, partition)
    ]


def measure(
    store: ObjectStore,
    *,
    partition: str,
    planned: Iterable[Mapping[str, Any]],
    jobs: Iterable[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Write every candidate's predictions and metrics; return the figures that decide between them."""
    measured = []
    for variant, job in zip([plan["variant"] for plan in planned], jobs, strict=True):
        candidate = registry.candidate(store, partition, variant)
        index = registry.dataset_index(store, candidate.dataset_digest)
        predictions = answers.joined(store, index, job["job"])
        store.put(layout.predictions(partition, variant), written(predictions))
        metrics = metrics_of(candidate, predictions)
        registry.write_json(store, layout.metrics(partition, variant), metrics)
        measured.append(metrics)
    test = measured[0]["test"]
    log.info(
        "%d test patches of %d patients, with 95 %% bounds over patients. Research software, not a "
        "diagnostic device.\n%s",
        test["patches"],
        test["patients"],
        comparison.text(measured),
    )
    return [
        {
            "variant": metrics["variant"],
            "threshold": metrics["threshold"],
            **{side: metrics[side][DECIDES]["value"] for side in answers.SCORED},
        }
        for metrics in measured
    ]


def metrics_of(candidate: Candidate, predictions: Predictions) -> dict[str, Any]:
    """Return metrics.json: the threshold chosen on validation, and both splits measured with it."""
    validation, test = (predictions.of(split) for split in answers.SCORED)
    threshold = choose_threshold(validation)
    return {
        "variant": candidate.variant,
        "partition": candidate.partition,
        "dataset_digest": candidate.dataset_digest,
        "model_data": candidate.model_data,
        "threshold": threshold,
        "test": evaluate(test, threshold=threshold, seed=BOOTSTRAP_SEED),
        "validation": evaluate(validation, threshold=threshold, seed=BOOTSTRAP_SEED, draws=VALIDATION_DRAWS),
    }


def parsed(content: bytes) -> Predictions:
    """Return the predictions in a predictions.csv.

    Raises:
        InputError: it is not such a table.
    """
    return read_predictions(io.StringIO(content.decode(errors="replace")))
