"""Requests for processing jobs: code that travels as an input, beside other inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

INPUT = "/opt/ml/processing/input"
OUTPUT = "/opt/ml/processing/output"
CODE = f"{INPUT}/code"


def processing_request(
    *,
    image: str,
    role_arn: str,
    entrypoint: Sequence[str],
    arguments: Sequence[str],
    inputs: Mapping[str, str],
    outputs: Mapping[str, str],
    environment: Mapping[str, str],
    instance_type: str,
    instance_count: int,
    volume_gb: int,
    max_runtime_s: int,
) -> dict[str, Any]:
    """Return a `CreateProcessingJob` request without a name.

    `inputs` maps an input's name to an S3 URI that is copied to `/opt/ml/processing/input/<name>`; `outputs`
    maps a name to the S3 prefix that receives `/opt/ml/processing/output/<name>` when the job ends.
    """
    request: dict[str, Any] = {
        "RoleArn": role_arn,
        "AppSpecification": {
            "ImageUri": image,
            "ContainerEntrypoint": list(entrypoint),
            "ContainerArguments": list(arguments),
        },
        "ProcessingInputs": [_input(name, uri) for name, uri in inputs.items()],
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceType": instance_type,
                "InstanceCount": instance_count,
                "VolumeSizeInGB": volume_gb,
            }
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": max_runtime_s},
        "Environment": dict(environment),
    }
    if outputs:
        request["ProcessingOutputConfig"] = {"Outputs": [_output(name, uri) for name, uri in outputs.items()]}
    return request


def _input(name: str, uri: str) -> dict[str, Any]:
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": f"{INPUT}/{name}",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
        },
    }


def _output(name: str, uri: str) -> dict[str, Any]:
    return {
        "OutputName": name,
        "S3Output": {"S3Uri": uri, "LocalPath": f"{OUTPUT}/{name}", "S3UploadMode": "EndOfJob"},
    }
