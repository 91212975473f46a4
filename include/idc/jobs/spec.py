"""A job's identity: its request, the digest of it, and the name that follows from both.

SageMaker's create calls have no client token, so the job's name is the idempotency key: the same work has
the same name wherever and whenever it is asked for again.
"""

from __future__ import annotations

import enum
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

# Stands in a request wherever the job's own name belongs, which cannot be part of what it is derived from.
JOB_NAME = "{job-name}"
DIGEST_TAG = "histoflow:digest"
NAME_LIMIT = 63  # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateHyperParameterTuningJob.html
TUNING_NAME_LIMIT = 32
_DIGEST_CHARACTERS = 10
_ATTEMPT_CHARACTERS = len("-999")
_PARTITION_CHARACTERS = 12


class JobKind(enum.StrEnum):
    """A kind of SageMaker job; the value is the prefix its API members share."""

    TRAINING = "TrainingJob"
    PROCESSING = "ProcessingJob"
    TRANSFORM = "TransformJob"
    TUNING = "HyperParameterTuningJob"

    @property
    def operation(self) -> str:
        """The resource as boto3's methods spell it, `training_job`."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", self.value).lower()

    @property
    def log_group(self) -> str:
        """The CloudWatch log group SageMaker writes the containers' output to.

        A tuning job has no containers of its own, only its training jobs have.
        """
        return f"/aws/sagemaker/{JobKind.TRAINING if self is JobKind.TUNING else self}s"

    @property
    def name_limit(self) -> int:
        """How many characters a name may have; a tuning job's is the head of its training jobs' names."""
        return TUNING_NAME_LIMIT if self is JobKind.TUNING else NAME_LIMIT


@dataclass(frozen=True)
class JobSpec:
    """One job to run: its kind, the readable head of its name, and the request without a name.

    The rest does not decide the name: the variant and dataset the job is about, and S3 addresses that it
    reads and writes beside those of the request.
    """

    kind: JobKind
    prefix: str
    request: Mapping[str, Any]
    variant: str = ""
    dataset_digest: str = ""
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """The SHA-256 of the canonical request, in hexadecimal."""
        return digest_of(self.request)

    def name(self, attempt: int = 1) -> str:
        """Return the job's name, as long as its kind allows; attempts after the first carry a suffix."""
        suffix = f"-{attempt}" if attempt > 1 else ""
        limit = self.kind.name_limit - _ATTEMPT_CHARACTERS
        return named_by_digest(self.prefix, self.digest, limit) + suffix

    def create_request(self, attempt: int = 1) -> dict[str, Any]:
        """Return the arguments of the create call: the request, its name, and its digest as a tag."""
        name = self.name(attempt)
        request = self.request_of(name)
        tags = [*request.get("Tags", []), {"Key": DIGEST_TAG, "Value": self.digest}]
        return {**request, f"{self.kind}Name": name, "Tags": tags}

    def request_of(self, name: str) -> dict[str, Any]:
        """Return the request with the name of one of its jobs in every place that stands for it."""
        found: dict[str, Any] = _with_name(dict(self.request), name)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return the specification as plain values for the next task, which knows the kind; omit defaults."""
        about = {
            "variant": self.variant,
            "dataset_digest": self.dataset_digest,
            "reads": list(self.reads),
            "writes": list(self.writes),
        }
        given = {name: value for name, value in about.items() if value}
        return {"prefix": self.prefix, "request": dict(self.request), **given}

    @classmethod
    def from_dict(cls, kind: JobKind, values: Mapping[str, Any]) -> Self:
        """Return the specification that `to_dict` wrote; ignore what a stage has added to it."""
        return cls(
            kind,
            values["prefix"],
            values["request"],
            variant=values.get("variant", ""),
            dataset_digest=values.get("dataset_digest", ""),
            reads=tuple(values.get("reads", ())),
            writes=tuple(values.get("writes", ())),
        )


def prefix_of(dag_id: str, partition: str, variant: str = "", again: str = "") -> str:
    """Return the readable head of a job's name, such as `idc-train-2026-11-mxnet`.

    `again` names a rerun. Of a long partition key only the head is shown: a name has room for the rest.
    """
    return "-".join(part for part in (dag_id, partition[:_PARTITION_CHARACTERS], variant, again) if part)


def digest_of(request: Mapping[str, Any]) -> str:
    """Return the SHA-256 of `request` as canonical JSON, in hexadecimal."""
    canonical = json.dumps(request, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def named_by_digest(prefix: str, digest: str, limit: int = NAME_LIMIT) -> str:
    """Return a SageMaker resource name of `prefix` and `digest`, at most `limit` characters."""
    tail = f"-{digest[:_DIGEST_CHARACTERS]}"
    head = re.sub(r"[^a-zA-Z0-9]+", "-", prefix).strip("-")
    return head[: limit - len(tail)].rstrip("-") + tail


def differences(wanted: object, found: object, path: str = "") -> Iterator[str]:
    """Yield a line for each member of `wanted` that `found` holds otherwise.

    Members that only `found` has are the service's own (times, states, defaults) and are not compared.
    """
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for key, value in wanted.items():
            yield from differences(value, found.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for index, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from differences(one, other, f"{path}[{index}]")
    elif wanted != found:
        yield f"{path}: {found!r}, expected {wanted!r}"


def _with_name(value: Any, name: str) -> Any:
    """Return `value` with the job's name in place of every token that stands for it."""
    if isinstance(value, str):
        return value.replace(JOB_NAME, name)
    if isinstance(value, Mapping):
        return {key: _with_name(member, name) for key, member in value.items()}
    if isinstance(value, list):
        return [_with_name(member, name) for member in value]
    return value
