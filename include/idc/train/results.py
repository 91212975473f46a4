"""What a finished training job left, made into the record the next stage reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from idc import layout
from idc.jobs.training import FULL
from idc.storage import ObjectStore
from idc.train.candidates import Candidate, sha256_of

# Where the code of script mode is, among its hyperparameters.
CODE = "sagemaker_submit_directory"


def trained_candidate(
    store: ObjectStore,
    *,
    partition: str,
    planned: Mapping[str, Any],
    job: Mapping[str, Any],
    tuning_job: str = "",
) -> Candidate:
    """Return the candidate that a completed training job made.

    `planned` is the job's specification with its variant, dataset and start; `job` is what its task returned.

    Raises:
        MissingObject: the job left no model.
    """
    start = planned.get("start", {})
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
        tuning_job=tuning_job,
        code_digest=_code_digest(planned["request"]["HyperParameters"].get(CODE, "")),
        billable_s=job.get("billable_s"),
        cost=job.get("cost"),
        start=start.get("kind", FULL),
        start_job=start.get("training_job", ""),
    )


def _code_digest(address: str) -> str:
    """Return the digest in the address of a training job's code, empty where there is none."""
    found = re.search(r"/code/([0-9a-f]{64})/", address)
    return found[1] if found else ""
