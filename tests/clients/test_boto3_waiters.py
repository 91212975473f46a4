"""The waiters of boto3 for jobs and endpoints."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import WaiterError
from clients.workloads import ENDLESS, Workloads

pytestmark = pytest.mark.slow

PATIENCE = {"Delay": 1, "MaxAttempts": 60}


def wait(workloads: Workloads, waiter: str, **members: Any) -> None:
    workloads.sagemaker.get_waiter(waiter).wait(WaiterConfig=PATIENCE, **members)


def test_training_job_completed(workloads: Workloads) -> None:
    request = workloads.training()
    workloads.sagemaker.create_training_job(**request)
    wait(workloads, "training_job_completed_or_stopped", TrainingJobName=request["TrainingJobName"])
    job = workloads.sagemaker.describe_training_job(TrainingJobName=request["TrainingJobName"])
    assert job["TrainingJobStatus"] == "Completed"


def test_training_job_stopped(workloads: Workloads) -> None:
    request = workloads.training(ENDLESS)
    workloads.sagemaker.create_training_job(**request)
    workloads.sagemaker.stop_training_job(TrainingJobName=request["TrainingJobName"])
    wait(workloads, "training_job_completed_or_stopped", TrainingJobName=request["TrainingJobName"])
    job = workloads.sagemaker.describe_training_job(TrainingJobName=request["TrainingJobName"])
    assert job["TrainingJobStatus"] == "Stopped"


def test_failed_training_job_ends_the_wait(workloads: Workloads) -> None:
    request = workloads.training("raise SystemExit(3)")
    workloads.sagemaker.create_training_job(**request)
    with pytest.raises(WaiterError, match='matched expected path: "Failed"'):
        wait(workloads, "training_job_completed_or_stopped", TrainingJobName=request["TrainingJobName"])


def test_processing_job_completed(workloads: Workloads) -> None:
    request = workloads.processing()
    workloads.sagemaker.create_processing_job(**request)
    name = request["ProcessingJobName"]
    wait(workloads, "processing_job_completed_or_stopped", ProcessingJobName=name)
    job = workloads.sagemaker.describe_processing_job(ProcessingJobName=name)
    assert job["ProcessingJobStatus"] == "Completed"


def test_transform_job_completed(workloads: Workloads) -> None:
    model = workloads.model()
    workloads.sagemaker.create_model(**model)
    request = workloads.transform(model["ModelName"])
    workloads.sagemaker.create_transform_job(**request)
    name = request["TransformJobName"]
    wait(workloads, "transform_job_completed_or_stopped", TransformJobName=name)
    assert workloads.answers(name) == [2, 4, 8]


def test_endpoint_in_service_and_deleted(workloads: Workloads) -> None:
    name = workloads.endpoint()
    wait(workloads, "endpoint_in_service", EndpointName=name)
    runtime = workloads.aws.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body=b"21")
    assert answer["Body"].read() == b"42.0\n"
    workloads.sagemaker.delete_endpoint(EndpointName=name)
    wait(workloads, "endpoint_deleted", EndpointName=name)
