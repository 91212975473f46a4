"""The scheduler of jobs: so many at once, the rest in order of arrival, and the cores divided."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aws_jobs import waiting_for
from local_aws import LocalAws

THREADS = "import os; print('threads', os.environ['OMP_NUM_THREADS'], os.environ['SM_NUM_CPUS'])"


def test_jobs_wait_their_turn_whatever_their_kind(
    fresh_aws: LocalAws, jobs_of: Callable[[LocalAws], Any], tmp_path: Path
) -> None:
    jobs, may_end = jobs_of(fresh_aws), tmp_path / "may-end"
    busy = jobs.train("print('busy', flush=True)\n" + waiting_for(may_end))
    jobs.logged(busy, "busy")
    order = [jobs.train(THREADS), jobs.process(""), jobs.train(""), jobs.process("")]

    waiting = jobs.training(order[0])
    assert (waiting["TrainingJobStatus"], waiting["SecondaryStatus"]) == ("InProgress", "Starting")
    stops_while_waiting(jobs)
    waits_too_long_for_spot_instances(jobs)
    assert jobs.training(busy)["TrainingJobStatus"] == "InProgress"
    may_end.touch()

    spans = [span(jobs, name) for name in order]
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(spans))
    cores = len(os.sched_getaffinity(0))
    assert f"threads {cores} {cores}" in jobs.logged(order[0], "threads")


def stops_while_waiting(jobs: Any) -> None:
    name = jobs.train("")
    jobs.sagemaker.stop_training_job(TrainingJobName=name)
    job = jobs.ended(name)
    assert job["TrainingJobStatus"] == "Stopped"
    assert "TrainingStartTime" not in job


def waits_too_long_for_spot_instances(jobs: Any) -> None:
    limits = {"MaxRuntimeInSeconds": 1, "MaxWaitTimeInSeconds": 1}
    job = jobs.ended(jobs.train("", EnableManagedSpotTraining=True, StoppingCondition=limits))
    assert job["TrainingJobStatus"] == "Stopped"
    transitions = [change["Status"] for change in job["SecondaryStatusTransitions"]]
    assert transitions == ["Starting", "Stopping", "MaxWaitTimeExceeded"]
    assert "TrainingTimeInSeconds" not in job


def span(jobs: Any, name: str) -> tuple[Any, Any]:
    """When the job began and ended."""
    if name.startswith("training"):
        job = jobs.ended(name)
        assert job["TrainingJobStatus"] == "Completed"
        return job["TrainingStartTime"], job["TrainingEndTime"]
    job = jobs.ended_processing(name)
    assert job["ProcessingJobStatus"] == "Completed"
    return job["ProcessingStartTime"], job["ProcessingEndTime"]
