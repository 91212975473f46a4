"""What was accepted is not forgotten: kill -9 of any process, or of all of them, at any moment."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from aws_endpoints import ECHO, Endpoints
from aws_jobs import unique, waiting_for
from botocore.exceptions import BotoCoreError, ClientError
from local_aws import LocalAws, kill, wait_until

pytestmark = pytest.mark.slow

SLEEPER = "import time\nprint('sleeping', flush=True)\ntime.sleep(300)\n"
DEATHS = 6  # of S3: its supervisor waits a second longer before each new start


def test_jobs_outlive_the_servers(embedded_aws: LocalAws, jobs: Any, tmp_path: Path) -> None:
    may_end = tmp_path / "may-end"
    script = f"print('sleeping', flush=True)\n{waiting_for(may_end)}print('awake', flush=True)\n"
    name = jobs.train(script)
    jobs.logged(name, "sleeping")
    for role in ("controller", "edge", "moto"):
        kill(_servers(embedded_aws, role))
    wait_until(lambda: _answers(jobs, name))
    may_end.touch()
    assert jobs.ended(name)["TrainingJobStatus"] == "Completed"
    assert "awake" in jobs.logged(name, "awake")
    assert embedded_aws.client("iam").get_role(RoleName="TestRole")["Role"]["Arn"] == embedded_aws.role_arn


@pytest.mark.timeout(240)
def test_a_job_waits_for_an_s3_that_restarts(fresh_aws: LocalAws, jobs_of: Callable[[LocalAws], Any]) -> None:
    jobs = jobs_of(fresh_aws)
    for channel, number in itertools.product("ab", range(24)):
        jobs.s3.put_object(Bucket=fresh_aws.bucket, Key=f"{channel}/{number}", Body=b"x")
    channels = [
        {
            "ChannelName": channel,
            "DataSource": {
                "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{fresh_aws.bucket}/{channel}/"}
            },
        }
        for channel in "ab"
    ]
    request = jobs.training_request("print('ran')", InputDataConfig=channels)
    away, killed = threading.Event(), set()

    def keep_away() -> None:
        while not away.wait(0.1):
            servers = _servers(fresh_aws, "s3")
            kill(servers)
            killed.update(server.pid for server in servers)

    killer = threading.Thread(target=keep_away)
    killer.start()
    try:
        jobs.sagemaker.create_training_job(**request)
        jobs.reached(request["TrainingJobName"], "Downloading")
        wait_until(lambda: len(killed) >= DEATHS, 120)
    finally:
        away.set()
        killer.join()
    job = jobs.ended(request["TrainingJobName"], 150)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")


def test_a_job_whose_agent_dies_fails(embedded_aws: LocalAws, jobs: Any) -> None:
    name = jobs.train(SLEEPER)
    jobs.logged(name, "sleeping")
    arn = jobs.training(name)["TrainingJobArn"]
    container = embedded_aws.processes("container", arn)
    agent = next(
        process for process in container if process.ppid() not in [p.pid for p in container]
    ).parent()
    assert agent is not None
    agent.kill()

    job = jobs.ended(name)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("InternalServerError: ")
    wait_until(lambda: not embedded_aws.processes("container", arn))


@pytest.mark.timeout(240)
def test_everything_killed_and_started_again(fresh_aws: LocalAws, jobs_of: Callable[[LocalAws], Any]) -> None:
    aws, jobs, endpoints = fresh_aws, jobs_of(fresh_aws), Endpoints(fresh_aws)
    endpoint = endpoints.create(endpoints.config(endpoints.model(ECHO, "kept")))
    endpoints.settled(endpoint)
    ours = unique("ours")
    done = jobs.train("print('done')", TrainingJobName=f"{ours}-done")
    jobs.ended(done)
    running = jobs.train(SLEEPER, TrainingJobName=f"{ours}-running")
    waiting = jobs.train("print('my turn')", TrainingJobName=f"{ours}-waiting")
    jobs.logged(running, "sleeping")
    assert jobs.training(waiting)["SecondaryStatus"] == "Starting"
    token = jobs.sagemaker.list_training_jobs(NameContains=ours, MaxResults=1)["NextToken"]

    aws.kill_everything()
    aws.up()

    job = jobs.ended(running)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("InternalServerError: ")
    assert jobs.ended(waiting)["TrainingJobStatus"] == "Completed"
    assert "my turn" in jobs.logged(waiting, "my turn")
    assert jobs.training(done)["TrainingJobStatus"] == "Completed"
    assert "done" in jobs.logged(done, "done")
    listed = jobs.sagemaker.list_training_jobs(NameContains=ours, MaxResults=5, NextToken=token)
    assert {entry["TrainingJobName"] for entry in listed["TrainingJobSummaries"]} == {running, waiting}
    assert endpoints.invoke(endpoint)["model"] == "kept"
    assert endpoints.settled(endpoint)["EndpointStatus"] == "InService"

    asleep = jobs.train(SLEEPER)
    jobs.logged(asleep, "sleeping")
    aws.down()
    assert aws.processes() == []
    aws.up()
    job = jobs.ended(asleep)
    assert job["TrainingJobStatus"] == "Failed"
    assert "was stopped while the job was running" in job["FailureReason"]
    assert endpoints.invoke(endpoint)["model"] == "kept"


@pytest.mark.timeout(240)
def test_killed_at_every_moment_of_a_job(fresh_aws: LocalAws, jobs_of: Callable[[LocalAws], Any]) -> None:
    """The controller and every agent die at ever later moments; no job is lost or stuck."""
    jobs = jobs_of(fresh_aws)
    names = []
    for step in range(8):
        names.append(jobs.train("print('ran')"))
        threading.Event().wait(0.04 * step)
        kill(fresh_aws.processes("controller") if step % 2 else _servers(fresh_aws, "controller"))
    for name in names:
        job = jobs.ended(name, 60)
        assert job["TrainingJobStatus"] in ("Completed", "Failed")
        if job["TrainingJobStatus"] == "Failed":
            assert job["FailureReason"].startswith("InternalServerError: ")
        else:
            assert jobs.logged(name, "ran").count("ran") == 1


def _servers(aws: LocalAws, role: str) -> list[psutil.Process]:
    """The servers of a role, without the agents, which are forks of the controller."""
    supervisor = {process.pid for process in aws.processes("supervisord")}
    return [process for process in aws.processes(role) if _parent(process) in supervisor]


def _parent(process: psutil.Process) -> int:
    try:
        return process.ppid()
    except psutil.Error:
        return 0


def _answers(jobs: Any, name: str) -> bool:
    try:
        jobs.training(name)
        jobs.log(name)
    except (ClientError, BotoCoreError):
        return False
    return True
