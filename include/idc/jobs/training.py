"""Requests for training jobs in script mode, as SageMaker's frameworks containers read them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from idc.jobs.spec import JOB_NAME

# What the training scripts print once an epoch, `epoch=3 train:loss=0.4012 …`: one expression, one metric.
METRICS = (
    "train:loss",
    "train:accuracy",
    "validation:loss",
    "validation:accuracy",
    "validation:balanced_accuracy",
    "validation:roc_auc",
    "images_per_second",
)
RECORDIO = "application/x-recordio"


def script_request(
    *,
    image: str,
    role_arn: str,
    region: str,
    source: str,
    channels: Mapping[str, str],
    content_type: str,
    output: str,
    hyperparameters: Mapping[str, object],
    instance_type: str,
    instance_count: int,
    volume_gb: int,
    max_runtime_s: int,
) -> dict[str, Any]:
    """Return a `CreateTrainingJob` request without a name.

    `source` is the URI of a sourcedir.tar.gz with a train.py, `channels` maps a channel's name to the S3
    prefix of its data, `output` is the prefix below which SageMaker makes a folder of the job's name.
    """
    return {
        "AlgorithmSpecification": {
            "TrainingImage": image,
            "TrainingInputMode": "File",
            "MetricDefinitions": [metric_definition(name) for name in METRICS],
        },
        "RoleArn": role_arn,
        "InputDataConfig": [_channel(name, uri, content_type) for name, uri in channels.items()],
        "OutputDataConfig": {"S3OutputPath": output},
        "ResourceConfig": {
            "InstanceType": instance_type,
            "InstanceCount": instance_count,
            "VolumeSizeInGB": volume_gb,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": max_runtime_s},
        "HyperParameters": encoded({**hyperparameters, **_script_mode(source, region)}),
    }


def metric_definition(name: str) -> dict[str, str]:
    """Return the definition that reads `name=<number>` from a log line, and no longer name's value."""
    return {"Name": name, "Regex": rf"(?:^|\s){name}=([0-9.eE+-]+|nan|inf)"}


def encoded(hyperparameters: Mapping[str, object]) -> dict[str, str]:
    """Return hyperparameters as script mode wants them: every value a JSON text.

    Source: `Framework.hyperparameters` of the SageMaker Python SDK 2.
    """
    return {name: json.dumps(value) for name, value in hyperparameters.items()}


def _script_mode(source: str, region: str) -> dict[str, object]:
    return {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": source,
        "sagemaker_container_log_level": 20,
        "sagemaker_job_name": JOB_NAME,
        "sagemaker_region": region,
    }


def _channel(name: str, uri: str, content_type: str) -> dict[str, Any]:
    return {
        "ChannelName": name,
        "ContentType": content_type,
        "InputMode": "File",
        "DataSource": {
            "S3DataSource": {
                "S3DataType": "S3Prefix",
                "S3Uri": uri,
                "S3DataDistributionType": "FullyReplicated",
            }
        },
    }
