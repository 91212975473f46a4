"""Kinds of resources and their ARNs."""

from __future__ import annotations

from embedded_aws.settings import ACCOUNT, Settings
from embedded_aws.store.resources import Kind

TRAINING_JOB = Kind("TrainingJob", "training-job", "TrainingJobStatus")
TRANSFORM_JOB = Kind("TransformJob", "transform-job", "TransformJobStatus")
PROCESSING_JOB = Kind("ProcessingJob", "processing-job", "ProcessingJobStatus")
TUNING_JOB = Kind("HyperParameterTuningJob", "hyper-parameter-tuning-job", "HyperParameterTuningJobStatus")
MODEL = Kind("Model", "model")
MODEL_PACKAGE_GROUP = Kind("ModelPackageGroup", "model-package-group", "ModelPackageGroupStatus")
MODEL_PACKAGE = Kind("ModelPackage", "model-package", "ModelPackageStatus")
ENDPOINT_CONFIG = Kind("EndpointConfig", "endpoint-config")
ENDPOINT = Kind("Endpoint", "endpoint", "EndpointStatus")

JOBS = (TRAINING_JOB, PROCESSING_JOB, TRANSFORM_JOB)


def arn(settings: Settings, kind: Kind, name: str) -> str:
    """The ARN of a resource."""
    return f"arn:aws:sagemaker:{settings.region}:{ACCOUNT}:{kind.arn_type}/{name}"
