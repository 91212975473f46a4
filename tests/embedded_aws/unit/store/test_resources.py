from __future__ import annotations

import time
from pathlib import Path

import pytest

from embedded_aws.cloudwatch import metrics
from embedded_aws.store.kinds import MODEL, TRAINING_JOB
from embedded_aws.store.resources import Document, Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state.sqlite3")


def test_names_are_taken_once(store: Store) -> None:
    assert store.insert(MODEL, "m", "arn:m", {"ModelName": "m"})
    assert not store.insert(MODEL, "m", "arn:m", {"ModelName": "other"})
    assert store.get(MODEL, "m") == {"ModelName": "m"}
    assert store.has_arn("arn:m")
    assert store.delete(MODEL, "m")
    assert not store.delete(MODEL, "m")
    assert store.get(MODEL, "m") is None


def test_a_change_that_raises_leaves_all_as_it_was(store: Store) -> None:
    store.insert(TRAINING_JOB, "j", "arn:j", {"TrainingJobStatus": "InProgress"})

    def change(document: Document) -> None:
        document["TrainingJobStatus"] = "Failed"
        raise LookupError

    with pytest.raises(LookupError):
        store.update(TRAINING_JOB, "j", change)
    assert store.status(TRAINING_JOB, "j") == "InProgress"
    assert store.update(TRAINING_JOB, "absent", change) is None


def test_another_connection_sees_it_at_once(store: Store, tmp_path: Path) -> None:
    other = Store(tmp_path / "state.sqlite3")
    before = other.version()
    store.insert(TRAINING_JOB, "j", "arn:j", {"TrainingJobStatus": "InProgress", "CreationTime": 5.0})
    assert other.version() != before
    assert [row.name for row in other.with_status(TRAINING_JOB, "InProgress", "Stopping")] == ["j"]
    own = store.version()
    store.update(TRAINING_JOB, "j", lambda document: document.update(TrainingJobStatus="Failed"))
    assert store.version() != own
    assert other.status(TRAINING_JOB, "j") == "Failed"


def test_the_last_value_of_each_metric_is_final(store: Store) -> None:
    extractor = metrics.Extractor(
        [{"Name": "loss", "Regex": r"loss=(\S+)"}, {"Name": "whole", "Regex": r"\d+\.\d+"}]
    )
    for line in ("loss=0.5", "loss=nonsense loss=0.25", "loss=" + "9" * 20_000):
        metrics.record(store, "arn", extractor.find(line))
    values = {metric["MetricName"]: metric["Value"] for metric in metrics.final(store, "arn", 0)}
    assert values == {"loss": 0.25, "whole": 0.25}
    assert metrics.final(store, "other", 0) == []
    assert metrics.final(store, "arn", time.time() + 60) == []
