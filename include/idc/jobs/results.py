"""What a finished job left in S3, made into the records the next stage reads."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from typing import Any

from idc import layout
from idc.dataset.storage import ObjectStore
from idc.errors import UnsafeArtifact
from idc.registry import Candidate, sha256_of

HISTORY = "history.json"
NEEDED = {"best_epoch", "validation", "epochs"}
HISTORY_LIMIT_BYTES = 4 << 20


def trained_candidate(
    store: ObjectStore, *, variant: str, partition: str, dataset_digest: str, job: Mapping[str, Any]
) -> Candidate:
    """Return the candidate that a completed training job made; `job` is what its task returned.

    Raises:
        UnsafeArtifact: the job left no history that can be read.
    """
    _, model_key = layout.parse_uri(job["model_data"])
    output_key = f"{layout.job_prefix(job['job'])}output/output.tar.gz"
    history = read_history(store.get(output_key), store.uri(output_key))
    return Candidate(
        variant=variant,
        partition=partition,
        dataset_digest=dataset_digest,
        training_job=job["job"],
        model_data=job["model_data"],
        model_sha256=sha256_of(store, model_key),
        best_epoch=history["best_epoch"],
        validation=history["validation"],
        epochs=history["epochs"],
    )


def read_history(archive: bytes, uri: str) -> dict[str, Any]:
    """Return the history.json in a job's output.tar.gz; nothing is unpacked to disk.

    Raises:
        UnsafeArtifact: there is no such regular file of a sensible size, or it is no history.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as members:
            member = next((m for m in members if m.name.removeprefix("./") == HISTORY), None)
            content = members.extractfile(member) if member and member.isreg() else None
            history = json.loads(content.read(HISTORY_LIMIT_BYTES)) if content else None
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise _unreadable(uri, str(error)) from error
    if not isinstance(history, dict) or not history.keys() >= NEEDED:
        raise _unreadable(uri, f"no {HISTORY} with {', '.join(sorted(NEEDED))}")
    return history


def _unreadable(uri: str, observed: str) -> UnsafeArtifact:
    action = "Read the training job's log and train again."
    return UnsafeArtifact("training output", uri, observed, f"a {HISTORY}", action)
