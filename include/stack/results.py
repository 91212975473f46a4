"""What one partition's run through the pipeline left in S3 and SageMaker, gathered for the summary."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from idc import layout
from stack.clients import Clients
from stack.errors import DemoFailed

VARIANT = "mxnet"


@dataclass(frozen=True)
class Results:
    """The documents the stages wrote, and which of the work was done before."""

    partition: str
    manifest: dict[str, Any]
    index: dict[str, Any]
    quality: dict[str, Any]
    candidate: dict[str, Any]
    metrics: dict[str, Any]
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
    candidate = _read(clients, layout.candidate(partition, VARIANT))
    digest = candidate["dataset_digest"]
    smoke = _read(clients, layout.smoke(partition, VARIANT))
    endpoint = clients.sagemaker.describe_endpoint(EndpointName=smoke["endpoint"])
    return Results(
        partition=partition,
        manifest=_read(clients, layout.manifest(partition)),
        index=_read(clients, layout.index(digest)),
        quality=_read(clients, layout.quality(digest)),
        candidate=candidate,
        metrics=_read(clients, layout.metrics(partition, VARIANT)),
        smoke=smoke,
        endpoint=dict(endpoint),
        reused=[what for what, made in _made(clients, partition, candidate, endpoint) if made < began],
    )


def _read(clients: Clients, key: str) -> dict[str, Any]:
    document = clients.read_json(key)
    if document is None:
        uri = layout.uri(clients.bucket, key)
        raise DemoFailed(
            f"result {uri}: not there, expected after the pipeline's success. See the Airflow UI."
        )
    return document


def _made(
    clients: Clients, partition: str, candidate: dict[str, Any], endpoint: Any
) -> Iterator[tuple[str, datetime]]:
    """Yield each piece of work and when it was done."""
    digest, job_name = candidate["dataset_digest"], candidate["training_job"]
    if written := clients.written_at(layout.manifest(partition)):
        yield f"snapshot {partition}", written
    if written := clients.written_at(layout.index(digest)):
        yield f"dataset {digest[:12]}", written
    job = clients.sagemaker.describe_training_job(TrainingJobName=job_name)
    yield f"training job {job_name}", job["CreationTime"]
    yield f"endpoint {endpoint['EndpointName']} (unchanged)", endpoint["LastModifiedTime"]
