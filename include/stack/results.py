"""Gathers what a partition's run left in S3 and SageMaker, for the summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from idc import layout
from idc.variants.all import VARIANTS
from stack.clients import Clients
from stack.errors import DemoFailed


@dataclass(frozen=True)
class Results:
    """The documents the stages wrote, and which of the work was done before."""

    partition: str
    manifest: dict[str, Any]
    index: dict[str, Any]
    quality: dict[str, Any]
    candidates: list[dict[str, Any]]
    metrics: list[dict[str, Any]]
    decision: dict[str, Any]
    deployed: str
    threshold: float
    smoke: dict[str, Any]
    endpoint: dict[str, Any]
    reused: list[str]

    @property
    def is_synthetic(self) -> bool:
        """Tell whether the patches were generated."""
        return bool(self.manifest["synthetic"])


def gather(clients: Clients, partition: str, began: datetime) -> Results:
    """Read what the summary shows.

    Args:
        clients: of the AWS the pipeline ran on.
        partition: that was run.
        began: when; what is older was reused.

    Raises:
        DemoFailed: a document is not there though the pipeline succeeded.
    """
    digest = _read(clients, layout.dataset_pointer(partition))["dataset_digest"]
    candidates = _candidates(clients, partition, digest)
    metrics = [_read(clients, layout.metrics(partition, one["variant"])) for one in candidates]
    decision = _read(clients, layout.decision(partition))
    smoke = _read(clients, layout.smoke(*_served(partition, decision)))
    endpoint = clients.sagemaker.describe_endpoint(EndpointName=smoke["endpoint"])
    return Results(
        partition=partition,
        manifest=_read(clients, layout.manifest(partition)),
        index=_read(clients, layout.index(digest)),
        quality=_read(clients, layout.quality(digest)),
        candidates=candidates,
        metrics=metrics,
        decision=decision,
        deployed=smoke["version"],
        threshold=smoke["threshold"],
        smoke=smoke,
        endpoint=dict(endpoint),
        reused=[what for what, made in _made(clients, partition, candidates, endpoint) if made < began],
    )


def _served(partition: str, decision: Mapping[str, Any]) -> tuple[str, str]:
    """Return partition and variant of the served model: the candidate's or the champion's.

    Raises:
        DemoFailed: nothing is served.
    """
    if decision["result"]["is_deployed"]:
        return partition, decision["variant"]
    champion = decision["champion"]
    if champion is None:
        why = "; ".join(decision["reasons"])
        raise DemoFailed(f"endpoint of {partition}: none, expected one. No candidate was good enough: {why}")
    return champion["partition"], champion["variant"]


def _read(clients: Clients, key: str) -> dict[str, Any]:
    document = clients.read_json(key)
    if document is None:
        uri = layout.uri(clients.bucket, key)
        raise DemoFailed(
            f"result {uri}: not there, expected after the pipeline's success. See the Airflow UI."
        )
    return document


def _candidates(clients: Clients, partition: str, digest: str) -> list[dict[str, Any]]:
    """Return the candidates of the partition's dataset, in the order of the variants."""
    found = [clients.read_json(layout.candidate(partition, variant)) for variant in VARIANTS]
    candidates = [one for one in found if one and one["dataset_digest"] == digest]
    if not candidates:
        uri = layout.uri(clients.bucket, f"candidates/{partition}/")
        raise DemoFailed(f"result {uri}: no candidate of dataset {digest}, expected one. See the Airflow UI.")
    return candidates


def _made(
    clients: Clients, partition: str, candidates: list[dict[str, Any]], endpoint: Any
) -> Iterator[tuple[str, datetime]]:
    """Yield each piece of work and when it was done."""
    digest = candidates[0]["dataset_digest"]
    if written := clients.written_at(layout.manifest(partition)):
        yield f"snapshot {partition}", written
    if written := clients.written_at(layout.index(digest)):
        yield f"dataset {digest[:12]}", written
    for name in dict.fromkeys(candidate["training_job"] for candidate in candidates):
        job = clients.sagemaker.describe_training_job(TrainingJobName=name)
        yield f"training job {name}", job["CreationTime"]
    yield f"endpoint {endpoint['EndpointName']} (unchanged)", endpoint["LastModifiedTime"]
