"""What a pipeline leaves in S3 and SageMaker, written into moto."""

from __future__ import annotations

import json
from typing import Any

import boto3

from stack.clients import Clients

BUCKET = "histoflow"
PARTITION = "2026-10"
DIGEST = "d" * 64
JOB = "idc-train-2026-10-mxnet-0123456789"
ENDPOINT = "histoflow-idc"
ROLE = "arn:aws:iam::123456789012:role/histoflow-sagemaker"


def documents() -> dict[str, Any]:
    """Return every document the summary reads, by key."""
    candidate = f"candidates/{PARTITION}/mxnet/"
    metric = {"value": 0.8421, "low": 0.8012, "high": 0.873}
    side = {"patients": 2, "patches": 1200, "classes": {"0": 900, "1": 300}}
    return {
        f"snapshots/{PARTITION}/manifest.json": {
            "source": "synthetic://?seed=7",
            "synthetic": True,
            "archive": {"sha256": "0" * 64, "size_bytes": 10},
            "patients": 24,
            "patches": {"0": 3500, "1": 1300},
        },
        f"datasets/{DIGEST}/index.json": {"splits": dict.fromkeys(("train", "validation", "test"), side)},
        f"datasets/{DIGEST}/quality.json": {
            "patches_read": 4800,
            "patches_used": 4797,
            "quarantined_count": 3,
        },
        f"{candidate}candidate.json": {
            "variant": "mxnet",
            "dataset_digest": DIGEST,
            "training_job": JOB,
            "epochs": [
                {"epoch": 1, "train": {"loss": 0.61}, "validation": {"loss": 0.58, "accuracy": 0.71}},
                {"epoch": 2, "train": {"loss": 0.42}, "validation": {"loss": 0.44, "accuracy": 0.82}},
            ],
        },
        f"{candidate}metrics.json": {
            "test": {
                "patients": 4,
                "patches": 1200,
                **dict.fromkeys(("accuracy", "balanced_accuracy", "f1"), metric),
                "roc_auc": {"value": 0.9, "low": None, "high": None},
            }
        },
        f"{candidate}smoke.json": {
            "endpoint": ENDPOINT,
            "patches": [
                {"patch": "9_a_class0.png", "patient": "9", "label": 0, "probabilities": [0.9, 0.1]},
                {"patch": "9_b_class1.png", "patient": "9", "label": 1, "probabilities": [0.25, 0.75]},
            ],
        },
    }


def clients() -> Clients:
    """Return clients of whatever AWS is mocked now."""
    return Clients(*(boto3.client(name, "us-east-1") for name in ("s3", "logs", "sagemaker")), BUCKET)  # type: ignore[call-overload]


def write_pipeline(aws: Clients) -> None:
    """Write what a finished pipeline leaves."""
    aws.s3.create_bucket(Bucket=BUCKET)
    for key, document in documents().items():
        aws.s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(document).encode())
    aws.sagemaker.create_training_job(
        TrainingJobName=JOB,
        AlgorithmSpecification={"TrainingImage": "image", "TrainingInputMode": "File"},
        RoleArn=ROLE,
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/jobs/"},
        ResourceConfig={"InstanceType": "ml.c5.2xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    aws.sagemaker.create_model(ModelName="model", PrimaryContainer={"Image": "image"}, ExecutionRoleArn=ROLE)
    variant: Any = {
        "VariantName": "all",
        "ModelName": "model",
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.large",
    }
    aws.sagemaker.create_endpoint_config(EndpointConfigName="config", ProductionVariants=[variant])
    aws.sagemaker.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName="config")
