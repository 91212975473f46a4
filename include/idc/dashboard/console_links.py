"""Links to Amazon's web console, for clients whose requests go to Amazon."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

from idc.jobs.spec import JobKind

# Where botocore sends requests when nobody has configured another endpoint, by the partitions' suffixes.
_AMAZON = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
_PLACES = {
    JobKind.TRAINING: "jobs",
    JobKind.PROCESSING: "processing-jobs",
    JobKind.TRANSFORM: "transform-jobs",
    JobKind.TUNING: "hyper-tuning-jobs",
}


def region_of(client: Any) -> str | None:
    """Return the region of a boto3 client whose requests go to Amazon, None if they go elsewhere."""
    host = urlsplit(client.meta.endpoint_url).hostname or ""
    return str(client.meta.region_name) if host.endswith(_AMAZON) else None


def job(region: str, kind: JobKind, name: str) -> str:
    """Return the address of a job in SageMaker's console."""
    return f"{_home('sagemaker', region)}#/{_PLACES[kind]}/{quote(name)}"


def log(region: str, group: str, job: str) -> str:
    """Return the address of a job's log streams; CloudWatch's console wants its escapes escaped with `$`."""
    streams = f"?logStreamNameFilter={job}"
    parts = f"log-groups/log-group/{_twice(group)}{_twice(streams, escape='$')}"
    return f"{_home('cloudwatch', region)}#logsV2:{parts}"


def _home(service: str, region: str) -> str:
    return f"https://{region}.console.aws.amazon.com/{service}/home?region={region}"


def _twice(text: str, escape: str = "$25") -> str:
    return quote(text, safe="").replace("%", escape)
