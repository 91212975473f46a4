"""The AWS CLI, as it comes from PyPI."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from clients.workloads import Workloads, unique
from local_aws import wait_until
from local_client import Client

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def aws(client_of: Callable[[str], Client]) -> Callable[..., Any]:
    """Runs a command of the CLI and gives its answer."""
    client = client_of("awscli")

    def run(*arguments: str) -> Any:
        printed = client.run("aws", *arguments)
        return json.loads(printed) if printed.startswith(("{", "[")) else printed

    return run


def test_a_training_job_from_a_file_of_json_to_its_logs(
    aws: Callable[..., Any], workloads: Workloads, tmp_path: Path
) -> None:
    request = workloads.training()
    name = request["TrainingJobName"]
    (tmp_path / "job.json").write_text(json.dumps(request))
    created = aws("sagemaker", "create-training-job", "--cli-input-json", f"file://{tmp_path / 'job.json'}")
    assert created["TrainingJobArn"].endswith(f":training-job/{name}")

    def is_over() -> bool:
        job = workloads.sagemaker.describe_training_job(TrainingJobName=name)
        return bool(job["TrainingJobStatus"] != "InProgress")

    wait_until(is_over)  # the CLI's own wait looks every two minutes
    aws("sagemaker", "wait", "training-job-completed-or-stopped", "--training-job-name", name)
    described = aws("sagemaker", "describe-training-job", "--training-job-name", name)
    assert described["TrainingJobStatus"] == "Completed"
    assert described["FinalMetricDataList"][0]["Value"] == 0.75
    listed = aws("sagemaker", "list-training-jobs", "--name-contains", name)
    assert [job["TrainingJobStatus"] for job in listed["TrainingJobSummaries"]] == ["Completed"]

    group = ("--log-group-name", "/aws/sagemaker/TrainingJobs")
    streams = aws("logs", "describe-log-streams", *group, "--log-stream-name-prefix", f"{name}/")
    stream = streams["logStreams"][0]["logStreamName"]
    events = aws("logs", "get-log-events", *group, "--log-stream-name", stream, "--start-from-head")
    assert events["events"][-1]["message"] == "the last line of the training"

    model = tmp_path / "model.tar.gz"
    aws("s3", "cp", described["ModelArtifacts"]["S3ModelArtifacts"], str(model))
    assert model.read_bytes()[:2] == b"\x1f\x8b"


def test_every_page_of_a_listing(aws: Callable[..., Any], workloads: Workloads) -> None:
    prefix = unique("cli-pages")
    for number in range(5):
        workloads.sagemaker.create_model(**{**workloads.model(), "ModelName": f"{prefix}-{number}"})
    listing = ("sagemaker", "list-models", "--name-contains", prefix, "--query", "Models[].ModelName")
    assert len(aws(*listing, "--page-size", "2")) == 5
    assert aws(*listing, "--max-items", "1")[0].startswith(prefix)


def test_files_to_s3_and_back(aws: Callable[..., Any], workloads: Workloads, tmp_path: Path) -> None:
    place = f"s3://{workloads.aws.bucket}/{unique('cli')}"
    (tmp_path / "there").mkdir()
    for name in ("a.txt", "b.txt"):
        (tmp_path / "there" / name).write_text(name)
    aws("s3", "sync", str(tmp_path / "there"), place)
    assert aws("s3", "ls", f"{place}/").count(".txt") == 2
    aws("s3", "cp", "--recursive", place, str(tmp_path / "back"))
    assert (tmp_path / "back" / "b.txt").read_text() == "b.txt"
    large = tmp_path / "large"
    large.write_bytes(bytes(range(256)) * 2**16)  # 16 MiB: in parts
    aws("s3", "cp", str(large), f"{place}/large", "--sse", "aws:kms")
    aws("s3", "cp", f"{place}/large", str(tmp_path / "large-back"))
    assert (tmp_path / "large-back").read_bytes() == large.read_bytes()


def test_an_endpoint_is_asked(aws: Callable[..., Any], workloads: Workloads, tmp_path: Path) -> None:
    name = workloads.endpoint()
    waiter = workloads.sagemaker.get_waiter("endpoint_in_service")
    waiter.wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    (tmp_path / "body").write_text("21")
    answer = aws(
        *("sagemaker-runtime", "invoke-endpoint", "--endpoint-name", name, "--content-type", "text/csv"),
        *("--body", f"fileb://{tmp_path / 'body'}", str(tmp_path / "answer")),
    )
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert (tmp_path / "answer").read_text() == "42.0\n"
    aws("sagemaker", "delete-endpoint", "--endpoint-name", name)


def test_who_am_i(aws: Callable[..., Any]) -> None:
    assert aws("sts", "get-caller-identity")["Account"] == "123456789012"
