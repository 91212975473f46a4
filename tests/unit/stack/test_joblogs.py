from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from moto import mock_aws
from unit.stack.aws_records import JOB, clients

from stack.clients import Clients
from stack.joblogs import GROUPS, LINE_LENGTH, JobLogs, in_words


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield clients()


def write(aws: Clients, *lines: str, group: str = GROUPS[1], job: str = JOB, age_s: float = 0) -> None:
    at = int((time.time() - age_s) * 1000)
    aws.logs.put_log_events(
        logGroupName=group,
        logStreamName=f"{job}/algo-1-1",
        logEvents=[{"timestamp": at, "message": line} for line in lines],
    )


def test_yields_each_new_line_once(aws: Clients) -> None:
    logs = JobLogs(aws, datetime.now(UTC) - timedelta(minutes=1))
    prefix = "idc-train-2026-10-"
    assert list(logs.new_lines(prefix)) == []

    for group, job in ((GROUPS[0], "idc-train-2026-10-mxnet-eval"), (GROUPS[1], JOB)):
        aws.logs.create_log_group(logGroupName=group)
        aws.logs.create_log_stream(logGroupName=group, logStreamName=f"{job}/algo-1-1")
    write(aws, "one", "two")
    write(aws, "three", group=GROUPS[0], job="idc-train-2026-10-mxnet-eval")

    assert list(logs.new_lines(prefix)) == [
        ("idc-train-2026-10-mxnet-eval", "three"),
        (JOB, "one"),
        (JOB, "two"),
    ]
    assert list(logs.new_lines(prefix)) == []
    write(aws, "four")
    assert list(logs.new_lines(prefix)) == [(JOB, "four")]


def test_leaves_out_other_partitions_and_earlier_times(aws: Clients) -> None:
    other = "idc-train-2026-09-mxnet-0123456789"
    aws.logs.create_log_group(logGroupName=GROUPS[1])
    for job in (JOB, other):
        aws.logs.create_log_stream(logGroupName=GROUPS[1], logStreamName=f"{job}/algo-1-1")
    write(aws, "long ago", age_s=3600)
    write(aws, "elsewhere", job=other)

    assert list(JobLogs(aws, datetime.now(UTC) - timedelta(minutes=1)).new_lines("idc-train-2026-10-")) == []


def test_an_epoch_is_told_in_words() -> None:
    line = (
        "epoch=3 train:loss=0.4012 train:accuracy=0.8310 validation:loss=0.4210 validation:accuracy=0.8205 "
        "validation:balanced_accuracy=0.8011 validation:roc_auc=0.8830 images_per_second=812.4"
    )

    assert in_words(line) == (
        "epoch 3: training loss 0.4012, validation accuracy 0.8205, images per second 812.4"
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"event": "planned", "seconds": 1.2, "patients": 24}', "planned: seconds 1.2, patients 24"),
        ('{"event": "done"}', "done"),
        ('{"event": "x", "nested": {"a": 1}}', "x"),
        ("{not json", "{not json"),
        ("[1, 2]", "[1, 2]"),
        ("scored 10 of 20 patches", "scored 10 of 20 patches"),
        ("y" * 500, "y" * (LINE_LENGTH - 1) + "…"),
    ],
)
def test_other_lines_are_kept_short(line: str, words: str) -> None:
    assert in_words(line) == words
