from __future__ import annotations

from embedded_aws.jobs import failure, processing, training
from embedded_aws.store import Document


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
        (training.prepare, 101),
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
    training.upload(job, 104)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopping", "Stopping")
    training.stop(job, 105)
    assert statuses(job) == ["Starting", "Downloading", "Stopping", "Stopped"]


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
