"""What one job costs, and what the page of it shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from idc.dashboard.job import contents, details
from idc.jobs.spec import JobKind

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
START = NOW - timedelta(minutes=30)
PRICES = {"ml.c5.2xlarge": 0.408}
TRAINING: dict[str, Any] = {
    "TrainingJobName": "j",
    "TrainingJobArn": "arn:j",
    "TrainingJobStatus": "InProgress",
    "SecondaryStatus": "Training",
    "CreationTime": START,
    "TrainingStartTime": START,
    "ResourceConfig": {"InstanceType": "ml.c5.2xlarge", "InstanceCount": 2},
    "HyperParameters": {"epochs": "3"},
    "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": "s3://b/train"}}}],
    "TuningJobArn": "arn:aws:sagemaker:us-east-1:123456789012:hyper-parameter-tuning-job/search",
}
OVER = {"TrainingJobStatus": "Completed", "TrainingEndTime": NOW, "BillableTimeInSeconds": 600}


def test_a_running_job_costs_what_it_has_run() -> None:
    found = details(JobKind.TRAINING, TRAINING, NOW, PRICES.get)
    assert (found["billable_s"], found["instances"]) == (1800, 2)
    assert found["cost_usd"] == pytest.approx(0.408)


def test_a_job_that_is_over_costs_what_was_billed() -> None:
    found = details(JobKind.TRAINING, {**TRAINING, **OVER}, NOW + timedelta(days=9), PRICES.get)
    assert found["billable_s"] == 600
    assert found["cost_usd"] == pytest.approx(2 * 600 / 3600 * 0.408)


def test_what_has_no_price_has_no_cost() -> None:
    assert details(JobKind.TRAINING, TRAINING, NOW, {}.get)["cost_usd"] is None
    search = {
        "HyperParameterTuningJobName": "s",
        "HyperParameterTuningJobArn": "arn:s",
        "HyperParameterTuningJobStatus": "Completed",
        "CreationTime": START,
        "HyperParameterTuningEndTime": NOW,
        "HyperParameterTuningJobConfig": {"ResourceLimits": {"MaxParallelTrainingJobs": 1}},
        "TrainingJobDefinition": {"StoppingCondition": {"MaxRuntimeInSeconds": 60}},
        "TrainingJobStatusCounters": {},
    }
    found = details(JobKind.TUNING, search, NOW, PRICES.get)
    assert (found["instance_type"], found["billable_s"], found["cost_usd"]) == ("", None, None)


def test_what_went_in_and_came_out() -> None:
    training = contents(JobKind.TRAINING, TRAINING)
    assert training["inputs"] == [{"name": "train", "uri": "s3://b/train"}]
    assert (training["tuning_job"], training["hyperparameters"]) == ("search", {"epochs": "3"})
    processing = contents(
        JobKind.PROCESSING,
        {
            "AppSpecification": {"ImageUri": "an/image"},
            "ProcessingInputs": [{"InputName": "in", "S3Input": {"S3Uri": "s3://b/in"}}],
            "ProcessingOutputConfig": {
                "Outputs": [{"OutputName": "out", "S3Output": {"S3Uri": "s3://b/out"}}]
            },
        },
    )
    assert (processing["image"], processing["outputs"]) == (
        "an/image",
        [{"name": "out", "uri": "s3://b/out"}],
    )
