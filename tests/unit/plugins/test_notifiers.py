"""What people are told, as it arrives through SNS in a queue that listens."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import airflow_home  # noqa: F401  (before Airflow)
import boto3
import pytest
from airflow.sdk import DAG
from moto import mock_aws

from histoflow.notifiers import (
    APPROVAL_WANTED,
    FAILURE,
    NEW_CHAMPION,
    RETRAINING_ADVISED,
    RETRAINING_STARTED,
    ROLLED_BACK,
    report_missed_deadline,
)
from idc.errors import JobFailed
from idc.settings import operation_settings

Received = Callable[[], list[tuple[str, str, str]]]


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> Iterator[Received]:
    """Return what a queue got that listens to the topic: event, subject and message."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", '{"conn_type": "aws"}')
    with mock_aws():
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
        topic = boto3.client("sns").create_topic(Name="histoflow")["TopicArn"]
        queue = boto3.client("sqs").create_queue(QueueName="listening")["QueueUrl"]
        arn = f"arn:aws:sqs:us-east-1:123456789012:{queue.rpartition('/')[2]}"
        boto3.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        monkeypatch.setenv("HISTOFLOW_NOTIFICATION_TOPIC", topic)
        operation_settings.cache_clear()

        def receive() -> list[tuple[str, str, str]]:
            found = boto3.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
            bodies = [json.loads(message["Body"]) for message in found.get("Messages", [])]
            return [
                (body["MessageAttributes"]["event"]["Value"], body["Subject"], body["Message"])
                for body in bodies
            ]

        yield receive
    operation_settings.cache_clear()


def context(*, is_another: bool = True) -> dict[str, Any]:
    """A task's context; its run registered another version than is served, went back to one, or looked."""
    left = {
        "register": {"is_another": is_another},
        "choose": {"version": {"served": {"partition": "2026-09"}}},
        "report": {
            "model": "v3-mxnet",
            "day": "2026-11-24",
            "page": "https://airflow.example.org/histoflow/monitoring/2026-11-24/report.html",
            "reasons": ["eosin has drifted", "sensitivity is worse"],
        },
        "retrain": {"partition": "2026-09"},
    }
    task = SimpleNamespace(
        task_id="train",
        try_number=4,
        log_url="https://airflow.example.org/log",
        xcom_pull=lambda task_ids: left[task_ids],
    )
    return {
        "dag": DAG("idc_train", schedule=None),
        "ti": task,
        "dag_run": SimpleNamespace(partition_key="2026-10", run_id="scheduled__1"),
        "params": {"reason": "too many false alarms"},
        "exception": JobFailed("TrainingJob", "t", "Failed: the loss is nan", "Completed", "Mend it."),
    }


@pytest.mark.parametrize(
    ("notifier", "event", "words"),
    [
        (
            FAILURE,
            "failure",
            ["idc_train.train failed", "the loss is nan", "https://airflow.example.org/log"],
        ),
        (APPROVAL_WANTED, "approval", ["waits for approval", "2026-10", "Required Actions"]),
        (NEW_CHAMPION, "champion", ["new champion", "2026-10"]),
        (ROLLED_BACK, "champion", ["rolled back", "2026-09", "too many false alarms"]),
        (
            RETRAINING_ADVISED,
            "monitoring",
            [
                "advised, 2026-10",
                "v3-mxnet",
                "- eosin has drifted\n",
                "2026-11-24/report.html",
                "Nothing is started",
            ],
        ),
        (
            RETRAINING_STARTED,
            "monitoring",
            ["trained again", "- sensitivity is worse\n", "idc_train runs for 2026-09."],
        ),
    ],
)
def test_an_event_arrives_with_all_that_is_needed_to_act(
    received: Received, notifier: Any, event: str, words: list[str]
) -> None:
    notifier()(context())

    [(what, subject, message)] = received()
    assert what == event
    assert len(subject) <= 100
    assert all(word in subject + message for word in words)
    assert "not a diagnostic device" in message
    assert "{{" not in subject + message


def test_a_champion_that_is_served_already_is_no_news(received: Received) -> None:
    NEW_CHAMPION()(context(is_another=False))

    assert received() == []


def test_a_run_that_is_late_is_told_of_from_the_triggerer(received: Received) -> None:
    run = {"dag_id": "idc_train", "dag_run_id": "scheduled__1", "partition_key": "2026-10"}

    asyncio.run(report_missed_deadline({"dag_run": run, "deadline": {"deadline_time": "2026-11-01"}}))

    [(what, subject, message)] = received()
    assert (what, subject) == ("deadline", "Histoflow: idc_train is late, 2026-10")
    assert "scheduled__1" in message


def test_without_a_topic_nobody_is_told_and_nothing_fails(
    received: Received, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HISTOFLOW_NOTIFICATION_TOPIC")
    operation_settings.cache_clear()

    FAILURE()(context())

    assert received() == []
    assert "nobody is told" in capsys.readouterr().out
