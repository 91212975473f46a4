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
JOBS = {"tensorflow": "idc-train-2026-10-tensorflow-9876543210", "mxnet": JOB}
ENDPOINT = "histoflow-idc"
ROLE = "arn:aws:iam::123456789012:role/histoflow-sagemaker"


def documents() -> dict[str, Any]:
    """Return every document the summary reads, by key."""
    side = {"patients": 2, "patches": 1200, "classes": {"0": 900, "1": 300}}
    found = {
        f"snapshots/{PARTITION}/manifest.json": {
            "source": "synthetic://?seed=7",
            "synthetic": True,
            "archive": {"sha256": "0" * 64, "size_bytes": 10},
            "patients": 24,
            "patches": {"0": 3500, "1": 1300},
        },
        f"snapshots/{PARTITION}/dataset.json": {"dataset_digest": DIGEST},
        f"datasets/{DIGEST}/index.json": {"splits": dict.fromkeys(("train", "validation", "test"), side)},
        f"datasets/{DIGEST}/quality.json": {
            "patches_read": 4800,
            "patches_used": 4797,
            "quarantined_count": 3,
        },
        f"candidates/{PARTITION}/mxnet/smoke.json": {
            "endpoint": ENDPOINT,
            "version": "v3-mxnet",
            "threshold": 0.35,
            "patches": [
                {"patch": "9_a_class0.png", "patient": "9", "label": 0, "calibrated": 0.1},
                {"patch": "9_b_class1.png", "patient": "9", "label": 1, "calibrated": 0.4},
            ],
        },
        f"candidates/{PARTITION}/decision.json": {
            "outcome": "deploy",
            "variant": "mxnet",
            "reasons": ["mxnet passed every gate"],
            "champion": None,
            "result": {"is_deployed": True},
        },
    }
    for variant, on_validation in (("tensorflow", 0.79), ("mxnet", 0.83)):
        found[f"candidates/{PARTITION}/{variant}/candidate.json"] = candidate(variant)
        found[f"candidates/{PARTITION}/{variant}/metrics.json"] = metrics(variant, on_validation)
    return found


def candidate(variant: str, digest: str = DIGEST) -> dict[str, Any]:
    """Return a candidate.json."""
    return {
        "variant": variant,
        "dataset_digest": digest,
        "training_job": JOBS.get(variant, "idc-train-2026-10-other-0000000000"),
        "run_s": 83,
        "hyperparameters": {"epochs": "6"},
        "metrics": {"train:accuracy": 0.91, "validation:accuracy": 0.82},
    }


def metrics(variant: str, on_validation: float) -> dict[str, Any]:
    """Return a metrics.json; its test figures would choose the other variant."""
    names = ("accuracy", "recall", "specificity", "f1")
    bounded = {"value": 0.8421, "low": 0.8012, "high": 0.873}
    side = {
        "patients": 4,
        "patches": 1200,
        **dict.fromkeys(names, bounded),
        "balanced_accuracy": {**bounded, "value": 1 - on_validation},
        "roc_auc": {"value": 0.9, "low": None, "high": None},
    }
    half = {"value": 0.5, "low": 0.5, "high": 0.5}
    baseline = dict.fromkeys((*names, "balanced_accuracy", "roc_auc"), half)
    return {
        "variant": variant,
        "threshold": 0.42,
        "calibration": {"temperature": 2.0, "bias": 0.0},
        "test": {**side, "always_class_0": baseline},
        "validation": {"balanced_accuracy": {"value": on_validation, "low": 0.7, "high": 0.9}},
    }


def clients() -> Clients:
    """Return clients of whatever AWS is mocked now."""
    return Clients(*(boto3.client(name, "us-east-1") for name in ("s3", "logs", "sagemaker")), BUCKET)  # type: ignore[call-overload]


def write_pipeline(aws: Clients) -> None:
    """Write what a finished pipeline leaves."""
    aws.s3.create_bucket(Bucket=BUCKET)
    for key, document in documents().items():
        aws.s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(document).encode())
    for job in JOBS.values():
        aws.sagemaker.create_training_job(
            TrainingJobName=job,
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
