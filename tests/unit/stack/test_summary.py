from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from moto import mock_aws
from unit.stack.aws_records import (
    BUCKET,
    DIGEST,
    ENDPOINT,
    JOB,
    PARTITION,
    candidate,
    clients,
    write_pipeline,
)

from stack import partition, results, summary
from stack.clients import Clients
from stack.console import WIDTH
from stack.errors import DemoFailed
from stack.settings import StackSettings


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        found = clients()
        write_pipeline(found)
        yield found


def shown(
    settings: StackSettings, aws: Clients, capsys: pytest.CaptureFixture[str], began: datetime | None = None
) -> str:
    found = results.gather(aws, PARTITION, began or datetime(2020, 1, 1, tzinfo=UTC))
    summary.show(settings, found, Path("a patch.png"), "ready, v3-mxnet")
    return capsys.readouterr().out


def test_shows_everything_a_person_wants_to_know(
    settings: StackSettings, aws: Clients, capsys: pytest.CaptureFixture[str]
) -> None:
    page = " ".join(shown(settings, aws, capsys).split())

    assert "Research software, not a diagnostic device." in page
    assert "24 patients, 4,800 patches read, 3 quarantined, 4,797 used" in page
    assert "validation 2 1,200 900 300" in page
    assert "2 candidates from one dataset" in page
    assert "mxnet 6 83 s 0.910 0.820" in page
    assert f"mxnet {JOB}" in page
    assert "1,200 patches of 4 patients that no model saw" in page
    bounds = "(0.801–0.873)"
    same = f"0.842 {bounds}"
    assert f"tensorflow 0.210 {bounds} {same} {same} " in page
    assert f"tensorflow 0.900 {same} {same} " in page
    assert page.count("always class 0 0.500 (0.500–0.500)") == 2
    assert "InService, serves v3-mxnet" in page
    assert "mxnet passed every gate" in page
    assert "9_b_class1.png 9 1 IDC 1 IDC 0.400" in page, "the threshold is 0.35"
    assert "nothing: this run made everything" in page
    assert f"http://127.0.0.1:{settings.aws_port}/endpoints/{ENDPOINT}/invocations" in page
    assert f"aws sagemaker-runtime invoke-endpoint --endpoint-name {ENDPOINT}" in page
    assert "--body 'fileb://a patch.png' answer.json" in page
    assert (
        f"REST API {settings.api_url} (a page for people, /openapi.json for programs) ready, v3-mxnet" in page
    )
    assert "--data-binary '@a patch.png'" in page
    assert "make down" in page


def test_it_fits_80_columns(
    settings: StackSettings, aws: Clients, capsys: pytest.CaptureFixture[str]
) -> None:
    page = shown(settings, aws, capsys)

    wide = [line for line in page.splitlines() if len(line) > WIDTH]
    # What cannot be parted: the path of a home as deep as a test's.
    assert not [line for line in wide if str(settings.home) not in line]


def test_a_job_that_two_candidates_share_is_told_of(
    settings: StackSettings, aws: Clients, capsys: pytest.CaptureFixture[str]
) -> None:
    key = f"candidates/{PARTITION}/tensorflow/candidate.json"
    shared = {**candidate("tensorflow"), "training_job": JOB}
    aws.s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(shared).encode())

    page = shown(settings, aws, capsys)

    assert "mxnet and tensorflow made the same request: one job trained both" in page


def test_labels_generated_data_in_every_section(
    settings: StackSettings, aws: Clients, capsys: pytest.CaptureFixture[str]
) -> None:
    page = shown(settings, aws, capsys)

    labelled = [line.split()[0] for line in page.splitlines() if "SYNTHETIC DATA" in line]
    assert labelled == ["Invasive", "Data", "Split", "Training", "Test", "Endpoint"]


def test_says_what_was_reused(
    settings: StackSettings, aws: Clients, capsys: pytest.CaptureFixture[str]
) -> None:
    page = shown(settings, aws, capsys, began=datetime.now(UTC) + timedelta(hours=1))

    reused = page.partition("Reused")[2].partition("\n\n")[0]
    assert [line.split()[0] for line in reused.strip().splitlines()] == [
        "snapshot",
        "dataset",
        "training",
        "training",
        "endpoint",
    ]
    assert JOB in reused


def test_a_missing_document_is_named(aws: Clients) -> None:
    aws.s3.delete_object(Bucket=BUCKET, Key=f"datasets/{DIGEST}/index.json")

    with pytest.raises(DemoFailed, match=rf"result s3://{BUCKET}/datasets/{DIGEST}/index.json: not there"):
        results.gather(aws, PARTITION, datetime.now(UTC))


def test_a_candidate_of_an_earlier_dataset_is_not_shown(
    settings: StackSettings, aws: Clients, capsys: pytest.CaptureFixture[str]
) -> None:
    key = f"candidates/{PARTITION}/tensorflow/candidate.json"
    aws.s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(candidate("tensorflow", "e" * 64)).encode())

    page = shown(settings, aws, capsys)

    assert "1 candidates from one dataset" in page
    assert "tensorflow" not in page


def test_snapshots_without_a_manifest_do_not_count(aws: Clients) -> None:
    aws.s3.put_object(Bucket=BUCKET, Key="snapshots/2026-09/archive.zip", Body=b"")

    assert list(partition.read_snapshots(aws)) == [PARTITION]


def test_two_patches_are_of_one_patient_and_of_both_classes() -> None:
    patches = [
        {"patch": name, "patient": name[0], "label": label}
        for name, label in (("a1", 0), ("b1", 0), ("b2", 0), ("b3", 1), ("c1", 1), ("c2", 1))
    ]

    assert [patch["patch"] for patch in summary.two_patches(patches)] == ["b1", "b3"]
    assert [patch["patch"] for patch in summary.two_patches(patches[4:])] == ["c1", "c2"]
    assert summary.two_patches([]) == []
