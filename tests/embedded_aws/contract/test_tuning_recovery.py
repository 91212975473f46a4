"""A search goes on after kill -9 of anything, with the right number of jobs and none twice."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable, Sequence
from typing import Any

import psutil
import pytest
from aws_tuning import Tuning
from local_aws import LocalAws, kill, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

JOBS = 6
PACED = {"epochs": "2", "pace": "0.3"}


def check_whole(tuning: Tuning, name: str, *, failed: int = 0) -> None:
    """Exactly the jobs asked for, each once; all values drawn are on record."""
    job = tuning.ended(name, 150)
    children = tuning.children(name)
    assert job["HyperParameterTuningJobStatus"] == "Completed", job.get("FailureReason")
    assert len(children) == JOBS
    assert [int(child["TrainingJobName"].split("-")[-2]) for child in children] == list(range(1, JOBS + 1))
    listed = tuning.sagemaker.list_training_jobs(NameContains=f"{name}-", MaxResults=100)
    assert len(listed["TrainingJobSummaries"]) == JOBS
    counters = job["TrainingJobStatusCounters"]
    assert counters["Completed"] == JOBS - failed, counters
    assert counters["RetryableError"] == failed


def test_the_controller_dies_at_every_moment(
    fresh_aws: LocalAws, jobs_of: Callable[[LocalAws], Any], sample: Callable[[Sequence[int]], Sequence[int]]
) -> None:
    tuning = Tuning(jobs_of(fresh_aws))
    reference = tuning.create(jobs=JOBS, parallel=1, TrainingJobDefinition=tuning.definition())
    tuning.ended(reference)
    name = tuning.create(jobs=JOBS, parallel=1, TrainingJobDefinition=tuning.definition(static=PACED))
    supervisor = {process.pid for process in fresh_aws.processes("supervisord")}
    chance = random.Random(5)
    for _ in sample(range(6)):
        threading.Event().wait(chance.uniform(0.1, 1.2))
        for process in fresh_aws.processes("controller"):
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.ppid() in supervisor:
                    process.kill()
    check_whole(tuning, name)
    assert tuning.values(name) == tuning.values(reference)


def test_everything_dies_and_is_started_again(
    fresh_aws: LocalAws, jobs_of: Callable[[LocalAws], Any]
) -> None:
    tuning = Tuning(jobs_of(fresh_aws))
    definition = tuning.definition(static=PACED)
    name = tuning.create(jobs=JOBS, parallel=1, strategy="Bayesian", TrainingJobDefinition=definition)
    wait_until(lambda: len(tuning.children(name)) >= 3)
    before = tuning.values(name)[:3]

    fresh_aws.kill_everything()
    fresh_aws.up()

    job = tuning.ended(name, 150)
    lost = job["TrainingJobStatusCounters"]["RetryableError"]
    assert lost <= 1  # the one that ran
    check_whole(tuning, name, failed=lost)
    assert tuning.values(name)[:3] == before


def test_a_child_is_killed(fresh_aws: LocalAws, jobs_of: Callable[[LocalAws], Any]) -> None:
    tuning = Tuning(jobs_of(fresh_aws))
    definition = tuning.definition(static={"epochs": "2", "pace": "2"})
    name = tuning.create(jobs=2, parallel=1, TrainingJobDefinition=definition)
    first = wait_until(lambda: tuning.children(name))[0]["TrainingJobArn"]
    kill(wait_until(lambda: fresh_aws.processes("container", first)))

    job = tuning.ended(name, 150)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["TrainingJobStatusCounters"]["Completed"] == 1
    assert len(tuning.children(name)) == 2
