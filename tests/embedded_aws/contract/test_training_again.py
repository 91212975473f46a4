"""Training jobs that begin again: spot instances taken away, checkpoints, retries, and limits of waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_jobs import unique, waiting_for
from botocore.exceptions import ClientError
from local_aws import LocalAws, wait_until

EPOCHS = """
import pathlib, signal, sys, time
checkpoint = pathlib.Path("/opt/ml/checkpoints/deep/epoch")
checkpoint.parent.mkdir(parents=True, exist_ok=True)
done = int(checkpoint.read_text()) if checkpoint.exists() else 0
print("resumed at", done, flush=True)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
for epoch in range(done + 1, 5):
    checkpoint.write_text(str(epoch))
    print(f"epoch={epoch}", flush=True)
    while epoch == 2 and not done:
        time.sleep(0.1)
pathlib.Path("/opt/ml/model/weights").write_text("w")
"""
SPOT = {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 120}
SLEEPER = "import time\nprint('sleeping', flush=True)\ntime.sleep(120)\n"


def transitions(job: dict[str, Any]) -> list[str]:
    return [change["Status"] for change in job["SecondaryStatusTransitions"]]


def agent_of(aws: LocalAws, arn: str) -> Any:
    """The process beside the job's containers."""
    containers = aws.processes("container", arn)
    pids = {process.pid for process in containers}
    return next(process for process in containers if process.ppid() not in pids).parent()


def test_a_spot_interruption_and_checkpoints(jobs: Any, embedded_aws: LocalAws) -> None:
    prefix = f"checkpoints/{unique('spot')}"
    name = jobs.train(
        EPOCHS,
        EnableManagedSpotTraining=True,
        StoppingCondition=SPOT,
        CheckpointConfig={"S3Uri": f"s3://{embedded_aws.bucket}/{prefix}"},
    )
    jobs.logged(name, "epoch=2")
    assert embedded_aws.faults("POST", kind="spot_interruption", target=name)[0] == 201
    job = jobs.ended(name)

    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    attempt = ["Starting", "Downloading", "Training"]
    assert transitions(job) == [*attempt, "Interrupted", *attempt, "Uploading", "Completed"]
    lines = jobs.logged(name, "epoch=4")
    assert [line for line in lines if line.startswith("resumed")] == ["resumed at 0", "resumed at 2"]
    assert sum(line == "epoch=3" for line in lines) == 1
    assert job["BillableTimeInSeconds"] < job["TrainingTimeInSeconds"]
    body = jobs.s3.get_object(Bucket=embedded_aws.bucket, Key=f"{prefix}/deep/epoch")["Body"]
    assert body.read() == b"4"


def test_checkpoints_are_uploaded_while_the_job_runs(jobs: Any, embedded_aws: LocalAws) -> None:
    prefix = f"checkpoints/{unique('running')}/"
    script = "import pathlib, time; pathlib.Path('/opt/ml/mine/a').write_text('1'); time.sleep(120)"
    config = {"S3Uri": f"s3://{embedded_aws.bucket}/{prefix}", "LocalPath": "/opt/ml/mine"}
    name = jobs.train(script, CheckpointConfig=config)

    def is_there() -> bool:
        found = jobs.s3.list_objects_v2(Bucket=embedded_aws.bucket, Prefix=prefix)
        return [entry["Key"] for entry in found.get("Contents", [])] == [f"{prefix}a"]

    wait_until(is_there)
    assert jobs.training(name)["SecondaryStatus"] == "Training"
    jobs.sagemaker.stop_training_job(TrainingJobName=name)
    assert transitions(jobs.ended(name))[-3:] == ["Stopping", "Uploading", "Stopped"]


def test_a_spot_job_that_waits_and_runs_too_long(jobs: Any) -> None:
    limits = {"MaxRuntimeInSeconds": 8, "MaxWaitTimeInSeconds": 8}
    job = jobs.ended(jobs.train(SLEEPER, EnableManagedSpotTraining=True, StoppingCondition=limits))
    assert job["TrainingJobStatus"] == "Stopped"
    assert transitions(job)[-3:] == ["Stopping", "Uploading", "MaxWaitTimeExceeded"]


def test_waiting_times_that_make_no_sense(jobs: Any) -> None:
    for spot, condition in (
        (True, {"MaxRuntimeInSeconds": 60}),
        (True, {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 59}),
        (False, {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}),
    ):
        with pytest.raises(ClientError, match="Invalid MaxWaitTimeInSeconds"):
            jobs.train("", EnableManagedSpotTraining=spot, StoppingCondition=condition)
    with pytest.raises(ClientError, match="LocalPath /tmp of CheckpointConfig"):
        jobs.train("", CheckpointConfig={"S3Uri": "s3://b/c", "LocalPath": "/tmp"})


def test_an_internal_error_is_retried(jobs: Any, embedded_aws: LocalAws) -> None:
    script = "import time\nprint('attempt', flush=True)\ntime.sleep(120)\n"
    name = jobs.train(script, RetryStrategy={"MaximumRetryAttempts": 1})
    arn = jobs.training(name)["TrainingJobArn"]
    for count in (1, 2):
        jobs.logged_times(name, "attempt", count)
        agent_of(embedded_aws, arn).kill()
    job = jobs.ended(name)

    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("InternalServerError: ")
    attempt = ["Starting", "Downloading", "Training"]
    assert transitions(job) == [*attempt, "Restarting", *attempt, "Failed"]
    assert job["RetryStrategy"] == {"MaximumRetryAttempts": 1}


def test_an_error_of_the_script_is_not_retried(jobs: Any) -> None:
    job = jobs.ended(jobs.train("raise SystemExit(3)", RetryStrategy={"MaximumRetryAttempts": 3}))
    assert job["TrainingJobStatus"] == "Failed"
    assert "Restarting" not in transitions(job)


@pytest.mark.slow
def test_a_job_with_retries_survives_the_machine(
    fresh_aws: LocalAws, jobs_of: Callable[[LocalAws], Any], tmp_path: Path
) -> None:
    jobs, may_end = jobs_of(fresh_aws), tmp_path / "may-end"
    script = "print('attempt', flush=True)\n" + waiting_for(may_end)
    name = jobs.train(script, RetryStrategy={"MaximumRetryAttempts": 2})
    jobs.logged(name, "attempt")
    fresh_aws.kill_everything()
    may_end.touch()
    fresh_aws.up()
    job = jobs.ended(name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert transitions(job).count("Restarting") == 1


def test_interruptions_at_every_moment(jobs: Any, embedded_aws: LocalAws) -> None:
    """However the fault falls, a spot job ends as it should and runs to its end once."""
    names = []
    for step in range(4):
        names.append(jobs.train("print('ran')", EnableManagedSpotTraining=True, StoppingCondition=SPOT))
        embedded_aws.faults("POST", kind="spot_interruption", target=names[-1])
        threading.Event().wait(0.05 * step)
    for name in names:
        job = jobs.ended(name)
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
        assert transitions(job).count("Interrupted") <= 1
    embedded_aws.faults("DELETE")
