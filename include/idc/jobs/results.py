"""What a finished training job left, made into the record the next stage reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idc import layout
from idc.dataset.storage import ObjectStore
from idc.registry import Candidate, sha256_of


def trained_candidate(
    store: ObjectStore, *, partition: str, planned: Mapping[str, Any], job: Mapping[str, Any]
) -> Candidate:
    """Return the candidate that a completed training job made.

    `planned` is the job's specification with its variant and dataset, `job` is what its task returned.

    Raises:
        MissingObject: the job left no model.
    """
    _, model_key = layout.parse_uri(job["model_data"])
    return Candidate(
        variant=planned["variant"],
        partition=partition,
        dataset_digest=planned["dataset_digest"],
        training_job=job["job"],
        model_data=job["model_data"],
        model_sha256=sha256_of(store, model_key),
        run_s=job["run_s"],
        hyperparameters=dict(planned["request"]["HyperParameters"]),
        metrics=dict(job.get("metrics", {})),
        billable_s=job.get("billable_s"),
        cost=job.get("cost"),
    )
