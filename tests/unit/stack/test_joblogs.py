from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from moto import mock_aws
from unit.stack.aws_records import JOB, ROLE, clients

from stack.clients import Clients
from stack.joblogs import GROUPS, JobLogs, Step


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


SCRIPT = (
    "epoch=3 train:loss=0.4012 train:accuracy=0.8310 validation:loss=0.4210 validation:accuracy=0.8205 "
    "validation:balanced_accuracy=0.8011 validation:roc_auc=0.8830 images_per_second=812.4"
)
BUILTIN = (
    "[11/30/2026 03:43:57 INFO 2] Epoch[2] Batch [20]#011Speed: 96.531 samples/sec#011accuracy=0.861979",
    "[11/30/2026 03:43:58 INFO 2] Epoch[2] Train-accuracy=0.861979",
    "[11/30/2026 03:43:58 INFO 2] Epoch[2] Validation-accuracy=0.852174",
)
NOISE = (
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
    "I0000 00:00:1796010504.846901       3 port.cc:153] oneDNN custom operations are on.",
    "[11/30/2026 03:43:09 INFO 2] nvidia-smi: took 0.029 seconds to run.",
    "[11/30/2026 03:43:09 INFO 2]   learning_rate: 0.1",
    "y" * 500,
    "{not json",
    "[1, 2]",
    "3",
    '{"event": "planned", "patches": 646}',
)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([SCRIPT], "epoch 3 of 48, accuracy 0.821, 812 images/s"),
        (BUILTIN, "epoch 3 of 48, accuracy 0.852, 97 images/s"),
        (BUILTIN[-1:], "epoch 3 of 48, accuracy 0.852"),
        (['{"event": "shard", "patches": "230 of 646"}'], "patch 230 of 646"),
    ],
)
def test_a_step_is_told_in_words_whatever_stands_around_it(
    aws: Clients, lines: Sequence[str], words: str
) -> None:
    training_job(aws, {"epochs": '"48"'})
    write(aws, *NOISE, *lines, *NOISE)

    steps = JobLogs(aws, datetime.now(UTC) - timedelta(minutes=1)).new_steps("idc-train-2026-10-")

    assert {job: str(step) for job, step in steps.items()} == {JOB: words}


def test_of_many_steps_the_last_one_counts(aws: Clients) -> None:
    training_job(aws, {})
    write(aws, *(f"epoch={number} validation:accuracy=0.8" for number in range(1, 6)))

    steps = JobLogs(aws, datetime.now(UTC) - timedelta(minutes=1)).new_steps("idc-train-2026-10-")

    assert steps == {JOB: Step("epoch", 5, None, 0.8)}


def training_job(aws: Clients, hyperparameters: dict[str, str]) -> None:
    aws.logs.create_log_group(logGroupName=GROUPS[1])
    aws.logs.create_log_stream(logGroupName=GROUPS[1], logStreamName=f"{JOB}/algo-1-1")
    aws.sagemaker.create_training_job(
        TrainingJobName=JOB,
        HyperParameters=hyperparameters,
        AlgorithmSpecification={"TrainingImage": "image", "TrainingInputMode": "File"},
        RoleArn=ROLE,
        OutputDataConfig={"S3OutputPath": "s3://bucket/jobs/"},
        ResourceConfig={"InstanceType": "ml.c5.2xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
