"""Which jobs are shown, in which order, and on which page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from idc.dashboard.jobs import Job, Query, kind_of
from idc.errors import ConfigurationError
from idc.jobs.spec import JobKind

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def job(number: int, status: str = "Completed", kind: JobKind = JobKind.TRAINING, minutes: int = 5) -> Job:
    created = NOW - timedelta(hours=number + 1)
    ended = created + timedelta(minutes=minutes) if status != "InProgress" else None
    return Job(kind, f"job-{number:02d}", status, created, ended or created, ended, "")


JOBS = [job(number, minutes=number + 1) for number in range(9)] + [
    job(9, "Failed", JobKind.PROCESSING, 90),
    job(10, "InProgress", JobKind.TUNING),
]


def names(query: Query) -> list[str]:
    return [one.name for one in query.answer(JOBS, NOW).jobs]


def test_the_newest_come_first_page_by_page() -> None:
    first, last = (Query(size=4, page=page).answer(JOBS, NOW) for page in (1, 3))
    assert [one.name for one in first.jobs] == ["job-00", "job-01", "job-02", "job-03"]
    assert [one.name for one in last.jobs] == ["job-08", "job-09", "job-10"]
    assert (last.total, last.page, last.pages) == (11, 3, 3)
    assert Query(size=4, page=99).answer(JOBS, NOW).page == 3
    assert Query(text="nothing").answer(JOBS, NOW).pages == 1


def test_filters_add_up_and_the_counts_tell_what_other_statuses_would_find() -> None:
    page = Query(text="JOB-0", statuses=frozenset({"Failed"})).answer(JOBS, NOW)
    assert [one.name for one in page.jobs] == ["job-09"]
    assert page.counts == {"Completed": 9, "Failed": 1}
    assert names(Query(kinds=frozenset({JobKind.TUNING}))) == ["job-10"]


def test_a_running_jobs_duration_is_up_to_now() -> None:
    assert names(Query(order="duration"))[:2] == ["job-10", "job-09"]
    assert names(Query(order="name", is_descending=False))[0] == "job-00"
    assert JOBS[-1].shown(NOW)["duration_s"] == 11 * 3600


def test_a_summary_of_each_kind_is_read() -> None:
    times = {"CreationTime": NOW, "LastModifiedTime": NOW}
    failed = Job.from_summary(
        JobKind.PROCESSING,
        {
            **times,
            "ProcessingJobName": "p",
            "ProcessingJobStatus": "Failed",
            "ProcessingEndTime": NOW + timedelta(seconds=9),
            "ExitMessage": "code 1",
        },
    )
    assert (failed.note, failed.duration_s(NOW), failed.is_over) == ("code 1", 9, True)
    counters = {"Completed": 3, "InProgress": 2, "NonRetryableError": 1, "Stopped": 0}
    search = Job.from_summary(
        JobKind.TUNING,
        {
            **times,
            "HyperParameterTuningJobName": "t",
            "HyperParameterTuningJobStatus": "InProgress",
            "TrainingJobStatusCounters": counters,
        },
    )
    assert search.note == "3 completed, 2 in progress, 1 non retryable error"


def test_a_kind_has_two_names() -> None:
    assert kind_of("transform") is kind_of("TransformJob") is JobKind.TRANSFORM
    with pytest.raises(ConfigurationError, match="kind of job 'Training'"):
        kind_of("Training")
