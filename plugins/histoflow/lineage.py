"""OpenLineage facets of a job: what it read and wrote.

Naming of S3: https://openlineage.io/docs/spec/naming
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from airflow.providers.openlineage.extractors import OperatorLineage
from openlineage.client.event_v2 import Dataset
from openlineage.client.facet_v2 import external_query_run

from idc import layout
from idc.jobs.spec import JobSpec

# Members of SageMaker's requests that hold addresses of outputs.
_WRITES = {"OutputDataConfig", "ProcessingOutputConfig", "TransformOutput", "CheckpointConfig"}


def lineage(spec: JobSpec | None, job: str | None) -> OperatorLineage[Any, Any]:
    """Return the lineage of a job: the addresses in its request, and the specification's own."""
    if spec is None or job is None:
        return OperatorLineage()
    addresses = list(_addresses(spec.request_of(job)))
    reads = [*spec.reads, *(uri for uri, is_written in addresses if not is_written)]
    writes = [*spec.writes, *(uri for uri, is_written in addresses if is_written)]
    return OperatorLineage(
        inputs=[_dataset(uri) for uri in dict.fromkeys(reads)],
        outputs=[_dataset(uri) for uri in dict.fromkeys(writes)],
        run_facets={"externalQuery": external_query_run.ExternalQueryRunFacet(job, f"sagemaker {spec.kind}")},
    )


def _addresses(value: Any, *, is_written: bool = False) -> Iterator[tuple[str, bool]]:
    """Yield each S3 address of a request's data, and whether the job writes there."""
    if isinstance(value, Mapping):
        for name, member in value.items():
            if name in ("S3Uri", "S3OutputPath"):
                yield str(member), is_written
            else:
                yield from _addresses(member, is_written=is_written or name in _WRITES)
    elif isinstance(value, list):
        for member in value:
            yield from _addresses(member, is_written=is_written)


def _dataset(uri: str) -> Dataset:
    bucket, key = layout.parse_uri(uri)
    return Dataset(namespace=f"s3://{bucket}", name=key.rstrip("/") or "/")
