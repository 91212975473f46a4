"""A transfer that is killed, wherever, goes on with what S3 has: nothing whole is fetched twice."""

from __future__ import annotations

import hashlib
import random
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import airflow_home  # noqa: F401  (before Airflow)
import airflow_task
import kaggle_server
import pytest
from archives import patients, write_zip
from kaggle_server import TOKEN, Kaggle
from local_aws import REPOSITORY, LocalAws, wait_until

from histoflow.operators.kaggle import KaggleDatasetToS3Operator
from idc import layout
from idc.converter.manifest import find_manifest, read_manifest
from idc.errors import CorruptArchive, MissingObject, ServiceError, SnapshotConflict, StorageError
from idc.ingest import http_responses
from idc.ingest.snapshot import ingest
from idc.ingest.upload import PART_BYTES
from idc.settings import settings
from idc.storage import ObjectStore

pytestmark = pytest.mark.slow

PARTS = 4  # whole ones; a fifth is smaller


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    filler = {"notes.bin": random.Random(1).randbytes(PARTS * PART_BYTES + 100_000)}
    path = tmp_path_factory.mktemp("archive") / "archive.zip"
    return write_zip(path, {**patients(4), **filler}, 0).read_bytes()


@pytest.fixture
def other(tmp_path: Path) -> bytes:
    return write_zip(tmp_path / "other.zip", patients(5)).read_bytes()


@pytest.fixture
def kaggle(content: bytes, other: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kaggle]:
    monkeypatch.setattr(http_responses, "PAUSE_S", 0.01)
    with kaggle_server.serving({1: other, 2: content}) as server:
        server.dataset = (
            f"owner/{uuid.uuid4().hex}"  # versions that another test's snapshot holds are not fetched
        )
        yield server


@pytest.fixture
def store(embedded_aws: LocalAws) -> ObjectStore:
    return ObjectStore(embedded_aws.client("s3"), embedded_aws.bucket)


@pytest.fixture
def partition() -> str:
    return f"t-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def airflow(kaggle: Kaggle, embedded_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process as a worker of Airflow that reaches the server and the embedded AWS."""
    for name, value in variables(embedded_aws, kaggle).items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    yield
    settings.cache_clear()


def variables(aws: LocalAws, kaggle: Kaggle) -> dict[str, str]:
    return {
        **{name: value.strip("'") for name, value in aws.env.items()},
        **kaggle.environment,
        "AIRFLOW_CONN_KAGGLE_DEFAULT": f'{{"conn_type": "kaggle", "password": "{TOKEN}"}}',
        "HISTOFLOW_BUCKET": aws.bucket,
        "HISTOFLOW_ROLE_ARN": aws.role_arn,
    }


def begin(aws: LocalAws, kaggle: Kaggle, *arguments: str) -> subprocess.Popen[bytes]:
    script = [sys.executable, str(REPOSITORY / "tests" / "killed_ingest.py"), *arguments]
    path = f"{REPOSITORY / 'include'}:{REPOSITORY / 'plugins'}:{REPOSITORY / 'tests'}"
    return subprocess.Popen(script, env={**variables(aws, kaggle), "PYTHONPATH": path})


def parts(store: ObjectStore, partition: str) -> int:
    """The number of parts in a row, from the first on, that S3 has of an unfinished upload."""
    key = layout.archive(partition)
    found = store.client.list_multipart_uploads(Bucket=store.bucket, Prefix=key).get("Uploads", [])
    if not found:
        return 0
    listed = store.client.list_parts(Bucket=store.bucket, Key=key, UploadId=found[0]["UploadId"])
    numbers = [part["PartNumber"] for part in listed.get("Parts", [])]
    return next(at for at, number in enumerate([*numbers, 0]) if number != at + 1)


def check(store: ObjectStore, partition: str, content: bytes) -> None:
    """The snapshot is whole and right, and nothing else is left."""
    manifest = read_manifest(store, partition)
    assert store.get(layout.archive(partition)) == content
    assert (manifest.sha256, manifest.size_bytes) == (hashlib.sha256(content).hexdigest(), len(content))
    listed = store.client.list_objects_v2(Bucket=store.bucket, Prefix=layout.snapshot_prefix(partition))
    keys = [entry["Key"] for entry in listed["Contents"]]
    assert keys == [layout.archive(partition), layout.manifest(partition)]
    assert parts(store, partition) == 0


def run(partition: str, dataset: str) -> dict[str, object]:
    operator = KaggleDatasetToS3Operator(task_id="kaggle", dataset=dataset, partition=partition)
    facts: dict[str, object] = airflow_task.run(operator)
    return facts


@pytest.mark.parametrize("offset", [1, PART_BYTES, 2 * PART_BYTES + 17, PARTS * PART_BYTES + 50_000])
def test_killed_while_it_fetches(
    store: ObjectStore, embedded_aws: LocalAws, partition: str, kaggle: Kaggle, content: bytes, offset: int
) -> None:
    kaggle.stop_at = offset
    process = begin(embedded_aws, kaggle, kaggle.address(2), partition, store.bucket)
    try:
        assert kaggle.is_waiting.wait(60), process.poll()
        wait_until(lambda: parts(store, partition) == offset // PART_BYTES)
    finally:
        process.kill()
        assert process.wait() == -signal.SIGKILL
    kaggle.stop_at, kaggle.bytes_served = None, 0
    manifest = ingest(kaggle.address(2), partition, store)
    assert not manifest.is_reused
    assert kaggle.bytes_served == 1 + len(content) - offset // PART_BYTES * PART_BYTES
    check(store, partition, content)


@pytest.mark.parametrize(
    ("event", "number", "whole"),
    [
        ("before-call.s3.CreateMultipartUpload", 1, 0),
        ("after-call.s3.CreateMultipartUpload", 1, 0),
        ("after-call.s3.UploadPart", 3, 2),  # two are sent at a time: the fourth may arrive before the third
        ("before-call.s3.CompleteMultipartUpload", 1, PARTS + 1),
        ("after-call.s3.CompleteMultipartUpload", 1, PARTS + 1),
        ("before-call.s3.PutObject", 2, PARTS + 1),  # the manifest; the first is the note
        ("after-call.s3.PutObject", 2, PARTS + 1),
    ],
)
def test_killed_at_a_call_to_s3(
    store: ObjectStore,
    embedded_aws: LocalAws,
    partition: str,
    kaggle: Kaggle,
    content: bytes,
    event: str,
    number: int,
    whole: int,
) -> None:
    arguments = kaggle.address(2), partition, store.bucket, event, str(number)
    assert begin(embedded_aws, kaggle, *arguments).wait(60) == -signal.SIGKILL
    there = parts(store, partition) or (PARTS + 1 if store.head(layout.archive(partition)) else 0)
    assert there >= min(whole, PARTS)
    kaggle.bytes_served = 0
    ingest(kaggle.address(2), partition, store)
    # a part that was under way may have arrived after all
    kept = [1 + max(0, len(content) - whole * PART_BYTES) for whole in range(there, PARTS + 2)]
    assert kaggle.bytes_served in kept
    check(store, partition, content)


def test_connections_that_are_cut_are_taken_up_again(
    store: ObjectStore, partition: str, kaggle: Kaggle, content: bytes
) -> None:
    cuts = sorted(random.Random(2).sample(range(2, len(content)), 12))
    kaggle.cuts = list(cuts)
    ingest(kaggle.address(2), partition, store)
    assert kaggle.cuts == []
    assert kaggle.bytes_served == 1 + len(content)
    check(store, partition, content)


def test_what_changed_since_starts_over(
    store: ObjectStore, embedded_aws: LocalAws, partition: str, kaggle: Kaggle, content: bytes, other: bytes
) -> None:
    arguments = kaggle.address(2), partition, store.bucket, "after-call.s3.UploadPart", "2"
    assert begin(embedded_aws, kaggle, *arguments).wait(60) == -signal.SIGKILL
    kaggle.versions[2] = other
    ingest(kaggle.address(2), partition, store)
    check(store, partition, other)


def test_what_changes_midway_starts_over_with_the_retry(
    store: ObjectStore, partition: str, kaggle: Kaggle, content: bytes, other: bytes
) -> None:
    class Changing(dict[int, bytes]):
        def __getitem__(self, version: int) -> bytes:
            return other if kaggle.cuts == [] else content

    kaggle.cuts = [2 * PART_BYTES]
    kaggle.versions = Changing(kaggle.versions)
    with pytest.raises(ServiceError, match="The retry starts over"):
        ingest(kaggle.address(2), partition, store)
    assert find_manifest(store, partition) is None
    ingest(kaggle.address(2), partition, store)
    check(store, partition, other)


def test_other_bytes_than_announced_are_thrown_away(
    store: ObjectStore, partition: str, kaggle: Kaggle, other: bytes
) -> None:
    kaggle.announced_md5 = "0" * 32
    with pytest.raises(StorageError, match=f"expected {'0' * 32} as announced"):
        ingest(kaggle.address(1), partition, store)
    prefix = layout.snapshot_prefix(partition)
    assert "Contents" not in store.client.list_objects_v2(Bucket=store.bucket, Prefix=prefix)
    kaggle.announced_md5 = None
    ingest(kaggle.address(1), partition, store)
    check(store, partition, other)


def test_a_refused_archive_leaves_no_trace(store: ObjectStore, partition: str, kaggle: Kaggle) -> None:
    kaggle.versions[1] = kaggle.versions[1][:-10]
    with pytest.raises(CorruptArchive):
        ingest(kaggle.address(1), partition, store)
    prefix = layout.snapshot_prefix(partition)
    assert "Contents" not in store.client.list_objects_v2(Bucket=store.bucket, Prefix=prefix)
    with pytest.raises(MissingObject):
        ingest(kaggle.address(1, "absent.zip"), partition, store)


def test_a_server_without_ranges_is_read_from_the_beginning(
    store: ObjectStore, partition: str, kaggle: Kaggle, other: bytes
) -> None:
    kaggle.has_ranges = kaggle.has_etag = False
    ingest(kaggle.address(1), partition, store)
    check(store, partition, other)


@pytest.mark.usefixtures("airflow")
def test_the_operator_fetches_the_newest_version_once(
    store: ObjectStore, partition: str, kaggle: Kaggle, content: bytes, other: bytes
) -> None:
    dataset = f"kaggle://{kaggle.dataset}"
    facts = run(partition, dataset)
    assert (facts["source"], facts["version"], facts["is_reused"]) == (dataset, 2, False)
    assert TOKEN not in str(facts)
    manifest = read_manifest(store, partition)
    assert (manifest.version, manifest.patients, manifest.refused[0].member) == (2, 4, "notes.bin")
    check(store, partition, content)

    kaggle.versions[3] = other
    kaggle.calls.clear()
    served = kaggle.bytes_served
    assert run(partition, dataset)["is_reused"]
    with pytest.raises(SnapshotConflict, match="version 3 was asked for, expected 2"):
        run(partition, f"{dataset}?version=3")
    assert kaggle.calls == {}

    assert not run(f"{partition}-b", f"{dataset}?version=2")["is_reused"]
    check(store, f"{partition}-b", content)
    assert (kaggle.bytes_served, kaggle.calls) == (served, {})
    assert run(f"{partition}-c", dataset)["version"] == 3

    store.delete(layout.archive(partition))
    assert run(partition, dataset)["is_reused"]
    check(store, partition, content)


@pytest.mark.usefixtures("airflow")
def test_the_task_goes_on_with_the_version_it_was_killed_at(
    store: ObjectStore, embedded_aws: LocalAws, partition: str, kaggle: Kaggle, content: bytes, other: bytes
) -> None:
    dataset = f"kaggle://{kaggle.dataset}"
    kaggle.stop_at = 3 * PART_BYTES
    process = begin(embedded_aws, kaggle, dataset, partition, store.bucket)
    try:
        assert kaggle.is_waiting.wait(90), process.poll()
        wait_until(lambda: parts(store, partition) == 3)
    finally:
        process.kill()
        process.wait()
    kaggle.stop_at, kaggle.bytes_served = None, 0
    kaggle.versions[3] = other
    assert run(partition, dataset)["version"] == 2
    assert kaggle.bytes_served == 1 + len(content) - 3 * PART_BYTES
    check(store, partition, content)


@pytest.mark.usefixtures("airflow")
def test_a_task_that_fails_because_kaggle_is_away_goes_on_later(
    store: ObjectStore, partition: str, kaggle: Kaggle, content: bytes
) -> None:
    dataset = f"kaggle://{kaggle.dataset}"
    kaggle.cuts, kaggle.away_after = (
        [2 * PART_BYTES],
        3,
    )  # newest version, first byte, all bytes, and then nothing
    with pytest.raises(ServiceError, match="answered 503"):
        run(partition, dataset)
    assert parts(store, partition) == 2
    kaggle.away_after, kaggle.bytes_served = None, 0
    run(partition, dataset)
    assert kaggle.bytes_served == 1 + len(content) - 2 * PART_BYTES
    check(store, partition, content)
