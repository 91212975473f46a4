"""Training jobs really run, and tell of it as SageMaker does."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from local_aws import wait_until

GOOD = """
import json, os, sys
print("arguments", json.dumps(sys.argv[1:]))
print("epoch=1 train:accuracy=0.50 validation:accuracy=0.25")
print("epoch=2 train:accuracy=0.75 validation:accuracy=0.5")
open(os.path.join(os.environ["SM_MODEL_DIR"], "weights.txt"), "w").write("weights")
open(os.path.join(os.environ["SM_OUTPUT_DATA_DIR"], "history.json"), "w").write("{}")
"""
SLEEPER = "import time\nprint('sleeping', flush=True)\ntime.sleep(120)\n"
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(300)"
subprocess.Popen([sys.executable, "-c", child], start_new_session=True)
print("deaf", flush=True)
time.sleep(300)
"""


def test_completes(jobs: Any, embedded_aws: Any) -> None:
    definitions = [
        {"Name": "validation:accuracy", "Regex": r"validation:accuracy=([0-9.]+)"},
        {"Name": "never", "Regex": r"nothing=([0-9.]+)"},
    ]
    jobs.s3.put_object(Bucket=embedded_aws.bucket, Key="data/train/part-0", Body=b"abc")
    channel = {
        "ChannelName": "train",
        "ContentType": "application/x-recordio",
        "DataSource": {
            "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{embedded_aws.bucket}/data/train/"}
        },
    }
    name = jobs.train(
        GOOD,
        HyperParameters={"epochs": "2", "batch-size": '"16"', "a": "true"},
        InputDataConfig=[channel],
        AlgorithmSpecification={
            "TrainingImage": embedded_aws.image,
            "TrainingInputMode": "File",
            "MetricDefinitions": definitions,
        },
        Tags=[{"Key": "owner", "Value": "tests"}],
    )
    job = jobs.ended(name)

    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Completed", job.get("FailureReason")
    assert job["TrainingJobArn"] == f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{name}"
    transitions = [change["Status"] for change in job["SecondaryStatusTransitions"]]
    assert transitions == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert all("EndTime" in change for change in job["SecondaryStatusTransitions"])
    metrics = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    assert metrics == {"validation:accuracy": 0.5}
    assert job["CreationTime"] <= job["TrainingStartTime"] <= job["TrainingEndTime"]
    assert job["BillableTimeInSeconds"] >= 1
    assert jobs.sagemaker.list_tags(ResourceArn=job["TrainingJobArn"])["Tags"] == [
        {"Key": "owner", "Value": "tests"}
    ]

    model = job["ModelArtifacts"]["S3ModelArtifacts"]
    assert model == f"s3://{embedded_aws.bucket}/jobs/{name}/output/model.tar.gz"
    body = jobs.s3.get_object(Bucket=embedded_aws.bucket, Key=f"jobs/{name}/output/model.tar.gz")[
        "Body"
    ].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        assert tar.getnames() == ["weights.txt"]
    jobs.s3.head_object(Bucket=embedded_aws.bucket, Key=f"jobs/{name}/output/output.tar.gz")

    lines = jobs.logged(name, "epoch=2")
    assert 'arguments ["-a", "True", "--batch-size", "16", "--epochs", "2"]' in lines


def test_failure_names_the_exception(jobs: Any) -> None:
    job = jobs.ended(jobs.train("raise ValueError('no such patch')"))

    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Failed"
    reason = job["FailureReason"]
    assert reason.startswith(
        'AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "ValueError: no such patch"'
    )
    assert reason.endswith(", exit code: 1")
    assert "ModelArtifacts" not in job or not job["ModelArtifacts"].get("S3ModelArtifacts")


def test_failure_file_is_cut_to_valid_text(jobs: Any) -> None:
    script = """
import sys
open("/opt/ml/output/failure", "wb").write(b"\\xff" + "é".encode() * 2_500_000)
sys.exit(137)
"""
    reason = jobs.ended(jobs.train(script))["FailureReason"]

    assert len(reason) <= 1024
    assert reason.startswith("AlgorithmError: \ufffdé")
    assert reason.endswith(", exit code: 137")


def test_runs_in_its_own_opt_ml(jobs: Any) -> None:
    script = """
import json, os, socket
print("opt", sorted(os.listdir("/opt/ml")))
resources = json.load(open("/opt/ml/input/config/resourceconfig.json"))
print("host", resources["current_host"], socket.gethostname())
print("processes", len([name for name in os.listdir("/proc") if name.isdigit()]))
"""
    name = jobs.train(script)
    assert jobs.ended(name)["TrainingJobStatus"] == "Completed"
    lines = jobs.logged(name, "processes")
    assert "opt ['code', 'input', 'model', 'output']" in lines
    assert "host algo-1 algo-1" in lines
    assert not Path("/opt/ml").exists()


def test_stop(jobs: Any) -> None:
    name = jobs.train(SLEEPER)
    jobs.logged(name, "sleeping")
    jobs.sagemaker.stop_training_job(TrainingJobName=name)

    assert jobs.training(name)["TrainingJobStatus"] in ("Stopping", "Stopped")
    job = jobs.ended(name)
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Stopped"
    with pytest.raises(ClientError) as refused:
        jobs.sagemaker.stop_training_job(TrainingJobName=name)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert "is in status Stopped" in refused.value.response["Error"]["Message"]


def test_stop_kills_what_ignores_it(jobs: Any, embedded_aws: Any) -> None:
    name = jobs.train(STUBBORN)
    jobs.logged(name, "deaf")
    jobs.sagemaker.stop_training_job(TrainingJobName=name)

    assert jobs.ended(name)["TrainingJobStatus"] == "Stopped"
    arn = jobs.training(name)["TrainingJobArn"]
    wait_until(lambda: not embedded_aws.processes("container", arn))


def test_time_limit(jobs: Any) -> None:
    job = jobs.ended(jobs.train(SLEEPER, StoppingCondition={"MaxRuntimeInSeconds": 1}))

    assert job["TrainingJobStatus"] == "Stopped"
    assert job["SecondaryStatus"] == "MaxRuntimeExceeded"


def test_unknown_image_names_the_known_ones(jobs: Any) -> None:
    job = jobs.ended(
        jobs.train(
            "", AlgorithmSpecification={"TrainingImage": "example/nothing:1", "TrainingInputMode": "File"}
        )
    )
    assert job["TrainingJobStatus"] == "Failed"
    assert "example/nothing:1" in job["FailureReason"]
    assert "*/test-runtime:*" in job["FailureReason"]


def test_missing_data(jobs: Any, embedded_aws: Any) -> None:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{embedded_aws.bucket}/nowhere"}
    job = jobs.ended(
        jobs.train("", InputDataConfig=[{"ChannelName": "train", "DataSource": {"S3DataSource": source}}])
    )
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(
        "ClientError: Data download failed: No S3 objects found under S3 URL"
    )


def test_environment_is_an_allow_list(jobs: Any, embedded_aws: Any) -> None:
    script = "import json, os; print('environment', json.dumps(dict(os.environ)))"
    name = jobs.train(script, Environment={"MY_SETTING": "1"})
    assert jobs.ended(name)["TrainingJobStatus"] == "Completed"
    line = next(line for line in jobs.logged(name, "environment {") if line.startswith("environment {"))
    variables = json.loads(line.removeprefix("environment "))
    assert variables["MY_SETTING"] == "1"
    assert variables["AWS_ENDPOINT_URL_S3"] == embedded_aws.s3_endpoint_url
    assert "PYTEST_CURRENT_TEST" not in variables
    assert "HISTOFLOW_CANARY" not in variables


def test_hyperparameters_are_no_shell_text(jobs: Any, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    name = jobs.train(
        "import sys; print(repr(sys.argv[1:]))", HyperParameters={"x": f"; touch {mark}; $(touch {mark})"}
    )
    assert jobs.ended(name)["TrainingJobStatus"] == "Completed"
    assert not mark.exists()


def test_own_entry_point(jobs: Any, embedded_aws: Any) -> None:
    name = jobs.train(
        "",
        AlgorithmSpecification={
            "TrainingImage": embedded_aws.image,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", "-c", "import sys; print('own', sys.argv[1:])"],
            "ContainerArguments": ["one", "two"],
        },
    )
    assert jobs.ended(name)["TrainingJobStatus"] == "Completed"
    assert "own ['one', 'two']" in jobs.logged(name, "own")


def test_list_pages_filters_and_sorts(jobs: Any) -> None:
    names = sorted(jobs.train("", TrainingJobName=f"listing-{index}-{id(jobs)}") for index in range(5))
    for name in names:
        jobs.ended(name)
    first = jobs.sagemaker.list_training_jobs(
        NameContains=f"-{id(jobs)}",
        SortBy="Name",
        SortOrder="Ascending",
        MaxResults=2,
        StatusEquals="Completed",
    )
    assert [job["TrainingJobName"] for job in first["TrainingJobSummaries"]] == names[:2]
    paginator = jobs.sagemaker.get_paginator("list_training_jobs")
    pages = paginator.paginate(
        NameContains=f"-{id(jobs)}", SortBy="CreationTime", SortOrder="Descending", MaxResults=2
    )
    listed = [job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"]]
    assert sorted(listed) == names
    created = [jobs.training(name)["CreationTime"] for name in listed]
    assert created == sorted(created, reverse=True)
    with pytest.raises(ClientError, match="NextToken"):
        jobs.sagemaker.list_training_jobs(NextToken="nonsense")
