from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from idc.errors import JobFailed, ServiceError
from idc.jobs.spec import JobKind
from idc.jobs.state import PENDING_LIMIT, UPLOAD_GRACE, EndpointState, JobResult, JobState

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def job(status: str = "InProgress", **members: Any) -> JobState:
    description = {
        "TrainingJobName": "train-1",
        "TrainingJobArn": "arn:aws:sagemaker:us-east-1:123456789012:training-job/train-1",
        "TrainingJobStatus": status,
        "CreationTime": NOON,
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        **members,
    }
    return JobState.from_description(JobKind.TRAINING, description)


def endpoint(status: str, **members: Any) -> EndpointState:
    description = {
        "EndpointName": "idc",
        "EndpointArn": "arn",
        "EndpointStatus": status,
        "EndpointConfigName": "old",
        **members,
    }
    return EndpointState.from_description(description)


def test_the_deadline_follows_from_the_stopping_condition_once_the_job_has_started() -> None:
    started = NOON + timedelta(hours=5)

    assert job(TrainingStartTime=started).deadline == started + timedelta(seconds=600) + UPLOAD_GRACE
    assert job().deadline == NOON + PENDING_LIMIT + timedelta(seconds=600) + UPLOAD_GRACE


def test_a_spot_job_may_wait_for_capacity_too() -> None:
    stopping = {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 3600}

    assert job(StoppingCondition=stopping).limit == timedelta(seconds=3600)


@pytest.mark.parametrize(
    ("status", "is_running", "is_over"),
    [
        ("InProgress", True, False),
        ("Stopping", False, False),
        ("Stopped", False, True),
        ("Failed", False, True),
        ("Completed", False, True),
    ],
)
def test_a_stopping_job_is_neither_running_nor_over(status: str, is_running: bool, is_over: bool) -> None:
    assert (job(status).is_running, job(status).is_over) == (is_running, is_over)


def test_the_result_is_small_and_says_where_the_model_is() -> None:
    state = job(
        "Completed",
        TrainingStartTime=NOON,
        TrainingEndTime=NOON + timedelta(seconds=90.4),
        ModelArtifacts={"S3ModelArtifacts": "s3://b/jobs/train-1/output/model.tar.gz"},
        FinalMetricDataList=[
            {"MetricName": "validation:accuracy", "Value": 0.875, "Timestamp": NOON},
            {"MetricName": "train:loss", "Value": float("nan"), "Timestamp": NOON},
        ],
        InputDataConfig=[{"large": "x" * 1000}],
    )

    assert state.result().to_dict() == {
        "job": "train-1",
        "arn": state.arn,
        "run_s": 90,
        "billable_s": 90,
        "model_data": "s3://b/jobs/train-1/output/model.tar.gz",
        "metrics": {"validation:accuracy": 0.875},
    }
    assert JobResult.from_dict(state.result(cost=0.5).to_dict()) == state.result(cost=0.5)


def test_a_transform_job_is_read_too() -> None:
    state = JobState.from_description(
        JobKind.TRANSFORM,
        {
            "TransformJobName": "score-1",
            "TransformJobArn": "arn",
            "TransformJobStatus": "Completed",
            "CreationTime": NOON,
            "TransformStartTime": NOON,
            "TransformEndTime": NOON + timedelta(seconds=30),
        },
    )

    assert state.result().to_dict() == {"job": "score-1", "arn": "arn", "run_s": 30, "billable_s": 30}
    assert JobKind.TRANSFORM.operation == "transform_job"
    assert JobKind.TRANSFORM.log_group == "/aws/sagemaker/TransformJobs"


def test_a_processing_job_is_read_from_its_own_members() -> None:
    state = JobState.from_description(
        JobKind.PROCESSING,
        {
            "ProcessingJobName": "p",
            "ProcessingJobArn": "arn",
            "ProcessingJobStatus": "Failed",
            "ExitMessage": "out of patience",
            "CreationTime": NOON,
            "ProcessingStartTime": NOON,
            "ProcessingEndTime": NOON + timedelta(seconds=2),
        },
    )

    assert (state.run_s, state.failure_reason, state.result().to_dict()) == (
        2,
        "out of patience",
        {"job": "p", "arn": "arn", "run_s": 2, "billable_s": 2},
    )


def test_a_failure_gives_sagemakers_reason_and_is_not_retried() -> None:
    error = job("Failed", FailureReason="AlgorithmError: loss is nan, exit code: 1").failure()

    assert isinstance(error, JobFailed)
    assert "TrainingJob train-1: Failed: AlgorithmError: loss is nan, exit code: 1" in str(error)


@pytest.mark.parametrize("reason", ["InternalServerError: try again", "CapacityError: no ml.c5.2xlarge"])
def test_sagemakers_own_failures_are_retried(reason: str) -> None:
    assert isinstance(job("Failed", FailureReason=reason).failure(), ServiceError)


def test_a_stopped_job_is_retried_only_when_another_try_began_it() -> None:
    stopped = job("Stopped", SecondaryStatus="Stopped")

    assert isinstance(stopped.failure(), JobFailed)
    assert isinstance(stopped.failure(is_adopted=True), ServiceError)


def test_a_job_that_ran_out_of_time_is_never_retried() -> None:
    assert isinstance(
        job("Stopped", SecondaryStatus="MaxRuntimeExceeded").failure(is_adopted=True), JobFailed
    )


def test_an_endpoint_serves_a_configuration_only_in_service() -> None:
    assert endpoint("InService").serves("old")
    assert not endpoint("InService").serves("new")
    assert not endpoint("Updating").serves("old")


def test_an_endpoint_moves_to_what_is_pending() -> None:
    updating = endpoint("Updating", PendingDeploymentSummary={"EndpointConfigName": "new"})

    assert updating.is_changing
    assert updating.is_moving_to("new")
    assert not updating.is_moving_to("old")
    assert endpoint("Creating").is_moving_to("old")
    assert not endpoint("InService").is_moving_to("old")


def tuning(status: str = "InProgress", limits: dict[str, int] | None = None, **members: Any) -> JobState:
    description = {
        "HyperParameterTuningJobName": "t",
        "HyperParameterTuningJobArn": "arn",
        "HyperParameterTuningJobStatus": status,
        "CreationTime": NOON,
        "HyperParameterTuningJobConfig": {
            "ResourceLimits": limits or {"MaxNumberOfTrainingJobs": 5, "MaxParallelTrainingJobs": 2}
        },
        "TrainingJobDefinition": {"StoppingCondition": {"MaxRuntimeInSeconds": 600}},
        **members,
    }
    return JobState.from_description(JobKind.TUNING, description)


def test_a_tuning_job_runs_from_its_creation_to_its_own_end() -> None:
    state = tuning("Completed", HyperParameterTuningEndTime=NOON + timedelta(minutes=2))

    assert (state.started, state.run_s) == (None, 120)


def test_a_tuning_jobs_limit_is_its_own_or_that_of_the_rounds_of_its_jobs() -> None:
    given = {"MaxParallelTrainingJobs": 2, "MaxRuntimeInSeconds": 90}
    several = [{"StoppingCondition": {"MaxRuntimeInSeconds": seconds}} for seconds in (60, 3600)]

    assert tuning(limits=given).limit == timedelta(seconds=90)
    assert tuning().limit == timedelta(seconds=3 * 600)
    assert tuning(TrainingJobDefinition=None, TrainingJobDefinitions=several).limit == timedelta(hours=3)
    assert tuning(limits={"MaxParallelTrainingJobs": 2}).limit == timedelta(days=30)


def test_a_tuning_jobs_progress_is_a_line() -> None:
    best = {
        "TrainingJobName": "t-002",
        "FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "m", "Value": 0.9},
    }
    counters = {"Completed": 2, "InProgress": 1, "RetryableError": 1, "NonRetryableError": 1, "Stopped": 0}

    assert tuning().progress == "training jobs, of 5: none begun; no objective yet"
    assert tuning(TrainingJobStatusCounters=counters, BestTrainingJob=best).progress == (
        "training jobs, of 5: 2 completed, 1 running, 2 failed; best m 0.9000 by t-002"
    )
    assert job().progress == ""
