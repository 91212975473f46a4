"""Operations of processing jobs, and checks that the service model does not contain."""

from __future__ import annotations

from embedded_aws.api.context import Context
from embedded_aws.jobs.input_channel import GZIP, PIPE
from embedded_aws.jobs.job_operations import JobResource
from embedded_aws.processing.processing_states import STATES
from embedded_aws.store.resources import Document
from embedded_aws.wire.faults import ValidationException

ROOT = "/opt/ml/processing"


def check(_context: Context, request: Document) -> None:
    """Rules between members.

    Raises:
        ValidationException: one is broken.
    """
    inputs = request.get("ProcessingInputs", [])
    outputs = request.get("ProcessingOutputConfig", {}).get("Outputs", [])
    for member, name, given in (("S3Input", "InputName", inputs), ("S3Output", "OutputName", outputs)):
        names = [item[name] for item in given]
        if len(set(names)) != len(names):
            raise ValidationException(f"Duplicate {name} found in the request: {', '.join(names)}")
        for item in given:
            if member not in item:
                raise ValidationException(f"{item[name]}: only {member} is served here, expected one.")
            _check_path(item[name], item[member].get("LocalPath", ""))
    for item in inputs:
        source = item["S3Input"]
        if source.get("S3CompressionType") == GZIP and source.get("S3InputMode") != PIPE:
            raise ValidationException(f"{item['InputName']}: Gzip can only be used if S3InputMode is Pipe.")


def _check_path(name: str, path: str) -> None:
    is_below = path == ROOT or path.startswith(f"{ROOT}/")
    if not is_below or ".." in path.split("/"):
        raise ValidationException(f"LocalPath {path!r} of {name} is invalid, expected it below {ROOT}.")


PROCESSING = JobResource(
    states=STATES,
    check=check,
    noun="processing job",
    taken="Job name must be unique within an AWS account and region, and a job with this name "
    "already exists ({arn})",
    missing="Could not find requested job with name: {name}",
)
