from __future__ import annotations

from embedded_aws.jobs import failure
from embedded_aws.processing.processing_states import ProcessingStates
from embedded_aws.store.resources import Document
from embedded_aws.training.training_states import TrainingStates

training, processing = TrainingStates(), ProcessingStates()


def new() -> Document:
    request = {
        "TrainingJobName": "j",
        "Tags": [{"Key": "a", "Value": "b"}],
        "StoppingCondition": {"MaxRuntimeInSeconds": 9},
    }
    return training.new(request, "arn", 100.0)


def statuses(document: Document) -> list[str]:
    return [change["Status"] for change in document["SecondaryStatusTransitions"]]


def test_a_good_life() -> None:
    job = new()
    assert "Tags" not in job
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("InProgress", "Starting")
    for step, now in (
        (training.start, 101),
        (training.download, 102),
        (training.train, 105),
        (training.upload, 110),
    ):
        step(job, now)
    training.complete(job, 111)
    assert statuses(job) == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert job["TrainingTimeInSeconds"] == job["BillableTimeInSeconds"] == 9
    ends = [change["EndTime"] for change in job["SecondaryStatusTransitions"]]
    assert ends == [102, 105, 110, 111, 111]
    assert training.is_final(job)


def test_a_stop_stays_visible_until_it_is_done() -> None:
    job = new()
    training.download(job, 101)
    training.ask_to_stop(job, 102)
    training.train(job, 103)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopping", "Stopping")
    training.upload(job, 104)
    assert job["TrainingJobStatus"] == "Stopping"
    training.stop(job, 105)
    assert statuses(job) == ["Starting", "Downloading", "Stopping", "Uploading", "Stopped"]
    assert job["TrainingTimeInSeconds"] == 4


def test_a_job_that_never_started_is_not_billed() -> None:
    job = new()
    training.fail(job, "x" * 5000, 101)
    assert "BillableTimeInSeconds" not in job
    assert len(job["FailureReason"]) == failure.LONGEST_REASON


def test_time_is_up() -> None:
    job = new()
    assert training.max_runtime_s(job) == 9
    training.exceed_runtime(job, 200)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_failure_reasons_are_valid_and_bounded() -> None:
    assert failure.algorithm_error("boom", 3) == "AlgorithmError: boom, exit code: 3"
    long = failure.algorithm_error("é" * 5000, 1)
    assert len(long) == 1024
    assert long.endswith("…, exit code: 1")
    assert failure.reason("a\0b\ud800") == "ab?"
    assert "memory" in failure.algorithm_error("", 137)


def test_processing_jobs() -> None:
    job = processing.new({"ProcessingJobName": "p"}, "arn", 1.0)
    processing.start(job, 2.0)
    processing.note_exit(job, "said")
    processing.fail(job, "why", 3.0)
    assert job["ProcessingJobStatus"] == "Failed"
    assert (job["ProcessingStartTime"], job["ProcessingEndTime"], job["ExitMessage"]) == (2.0, 3.0, "said")
    assert processing.is_final(job)
    assert processing.max_runtime_s(job) == 86_400


def spot() -> Document:
    condition = {"MaxRuntimeInSeconds": 100, "MaxWaitTimeInSeconds": 200}
    request = {"TrainingJobName": "j", "EnableManagedSpotTraining": True, "StoppingCondition": condition}
    return training.new(request, "arn", 100.0)


def run(job: Document, begin: int) -> None:
    for seconds, step in enumerate((training.start, training.download, training.train)):
        step(job, begin + seconds)


def test_an_interrupted_job_begins_again() -> None:
    job = spot()
    run(job, 101)
    training.interrupt(job, 143)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("InProgress", "Interrupted")
    assert training.max_runtime_s(job) == 60
    run(job, 190)
    training.upload(job, 232)
    training.complete(job, 240)
    attempt = ["Starting", "Downloading", "Training"]
    assert statuses(job) == [*attempt, "Interrupted", *attempt, "Uploading", "Completed"]
    assert job["TrainingStartTime"] == 102
    assert (job["TrainingTimeInSeconds"], job["BillableTimeInSeconds"]) == (90, 27)


def test_a_spot_job_waits_for_so_long_and_no_longer() -> None:
    job = spot()
    assert not training.is_overdue(job, 299)
    assert training.is_overdue(job, 301)
    training.exceed_wait(job, 301)
    assert statuses(job) == ["Starting", "Stopping", "MaxWaitTimeExceeded"]
    assert job["TrainingJobStatus"] == "Stopped"


def test_retries() -> None:
    job = training.new({"TrainingJobName": "j", "RetryStrategy": {"MaximumRetryAttempts": 1}}, "arn", 100.0)
    training.fault(job, "the machine went down", 101)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("InProgress", "Restarting")
    training.start(job, 102)
    training.fault(job, "the machine went down", 103)
    assert statuses(job) == ["Starting", "Restarting", "Starting", "Failed"]
    assert job["FailureReason"] == "InternalServerError: the machine went down"
