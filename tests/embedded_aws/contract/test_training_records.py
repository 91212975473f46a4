"""What is on record of training jobs: metrics, listings, and jobs deleted."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from aws_jobs import unique
from botocore.exceptions import ClientError
from local_aws import wait_until

SCRIPT = "import time\nfor value in (0.5, 0.25, float('nan')):\n    print(f'loss={value}', flush=True)\n"


def with_metrics(jobs: Any) -> dict[str, Any]:
    return {
        "AlgorithmSpecification": {
            "TrainingImage": jobs.aws.image,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "train:loss", "Regex": r"loss=(\S+)"}],
        }
    }


def statistics(jobs: Any, name: str) -> list[dict[str, Any]]:
    """The job's metric in CloudWatch, as the SDK's TrainingJobAnalytics asks for it."""
    now = datetime.datetime.now(datetime.UTC)
    return list(
        jobs.aws.client("cloudwatch").get_metric_statistics(
            Namespace="/aws/sagemaker/TrainingJobs",
            MetricName="train:loss",
            Dimensions=[{"Name": "TrainingJobName", "Value": name}],
            StartTime=now - datetime.timedelta(hours=1),
            EndTime=now + datetime.timedelta(hours=1),
            Period=60,
            Statistics=["Average", "SampleCount"],
        )["Datapoints"]
    )


def test_metrics_are_final_and_in_cloudwatch(jobs: Any) -> None:
    name = jobs.train(SCRIPT, **with_metrics(jobs))
    job = jobs.ended(name)
    (metric,) = job["FinalMetricDataList"]
    assert (metric["MetricName"], metric["Value"]) == ("train:loss", 0.25)
    assert job["TrainingStartTime"] <= metric["Timestamp"] <= job["TrainingEndTime"]
    wait_until(lambda: sum(point["SampleCount"] for point in statistics(jobs, name)) == 2)
    points = statistics(jobs, name)
    assert sum(point["Average"] * point["SampleCount"] for point in points) == 0.75


def test_a_deleted_job_leaves_its_name(jobs: Any) -> None:
    name = jobs.train(SCRIPT, **with_metrics(jobs), Tags=[{"Key": "a", "Value": "b"}])
    jobs.ended(name)
    jobs.sagemaker.delete_training_job(TrainingJobName=name)
    with pytest.raises(ClientError, match="Requested resource not found"):
        jobs.training(name)
    with pytest.raises(ClientError) as refused:
        jobs.sagemaker.delete_training_job(TrainingJobName=name)
    assert refused.value.response["Error"]["Code"] == "ResourceNotFound"

    jobs.train("import time; time.sleep(60)", TrainingJobName=name, **with_metrics(jobs))
    with pytest.raises(ClientError, match="is in status InProgress"):
        jobs.sagemaker.delete_training_job(TrainingJobName=name)
    jobs.sagemaker.stop_training_job(TrainingJobName=name)
    job = jobs.ended(name)
    assert not job.get("FinalMetricDataList")
    assert jobs.sagemaker.list_tags(ResourceArn=job["TrainingJobArn"])["Tags"] == []


def test_a_name_is_taken_once(jobs: Any) -> None:
    name = jobs.train("")
    with pytest.raises(ClientError, match="a training job with this name already exists") as refused:
        jobs.train("", TrainingJobName=name)
    assert refused.value.response["Error"]["Code"] == "ResourceInUse"


def test_listing_by_times_and_status(jobs: Any) -> None:
    prefix = unique("times")
    names = [jobs.train("", TrainingJobName=f"{prefix}-{letter}") for letter in "abc"]
    last = [jobs.ended(name) for name in names][1]

    def listed(**filters: Any) -> list[str]:
        found = jobs.sagemaker.list_training_jobs(NameContains=prefix.upper(), SortBy="Name", **filters)
        return [job["TrainingJobName"][-1] for job in found["TrainingJobSummaries"]]

    created = last["CreationTime"]
    assert listed() == ["a", "b", "c"]
    assert listed(CreationTimeAfter=created) == ["c"]
    assert listed(CreationTimeBefore=created) == ["a"]
    assert listed(LastModifiedTimeAfter=created - datetime.timedelta(hours=1)) == ["a", "b", "c"]
    assert listed(LastModifiedTimeBefore=created - datetime.timedelta(hours=1)) == []
    assert listed(SortOrder="Descending") == ["c", "b", "a"]
    assert listed(StatusEquals="Completed") == ["a", "b", "c"]
    assert listed(StatusEquals="Failed") == []
    assert listed(WarmPoolStatusEquals="Available") == []
    with pytest.raises(ClientError, match="warmPoolStatusEquals"):
        listed(WarmPoolStatusEquals="Hot")
    summary = jobs.sagemaker.list_training_jobs(NameContains=prefix)["TrainingJobSummaries"][0]
    assert summary.keys() >= {
        "TrainingJobName",
        "TrainingJobArn",
        "CreationTime",
        "TrainingEndTime",
        "LastModifiedTime",
        "TrainingJobStatus",
        "SecondaryStatus",
    }


def test_pages_are_cut_after_filtering(jobs: Any) -> None:
    """The service cuts a page first and filters it by status then."""
    prefix = unique("pages")
    jobs.ended(jobs.train("raise SystemExit(1)", TrainingJobName=f"{prefix}-a"))
    jobs.ended(jobs.train("", TrainingJobName=f"{prefix}-b"))
    page = jobs.sagemaker.list_training_jobs(NameContains=prefix, StatusEquals="Completed", MaxResults=1)
    assert [job["TrainingJobName"] for job in page["TrainingJobSummaries"]] == [f"{prefix}-b"]
    assert "NextToken" not in page


def test_a_key_for_the_output_is_described_and_encrypts_nothing(jobs: Any) -> None:
    output = {"S3OutputPath": f"s3://{jobs.aws.bucket}/jobs", "KmsKeyId": "alias/mine"}
    described = jobs.ended(jobs.train("", OutputDataConfig=output))
    assert described["OutputDataConfig"]["KmsKeyId"] == "alias/mine"
    bucket, _, key = described["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").partition("/")
    stored = jobs.aws.client("s3").head_object(Bucket=bucket, Key=key)
    assert "ServerSideEncryption" not in stored
