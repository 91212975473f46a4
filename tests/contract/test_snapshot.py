"""An archive becomes one object and one manifest in a real object store, or leaves no trace."""

from __future__ import annotations

import hashlib
import io
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from archives import REAL_DATA, member, patients, write_zip
from botocore.response import StreamingBody
from local_aws import LocalAws

from idc import layout
from idc.converter.archive import Limits
from idc.converter.manifest import Manifest, read_manifest
from idc.errors import (
    ConfigurationError,
    ConflictError,
    CorruptArchive,
    InvalidPatchName,
    MissingObject,
    RequestRejected,
    SnapshotConflict,
    StorageError,
    UnsafeArchive,
)
from idc.ingest import progress, upload
from idc.ingest.snapshot import find_dataset, ingest, point_to_dataset
from idc.ingest.sources import SyntheticSource
from idc.ingest.transfer import transfer
from idc.storage import ObjectStore

pytestmark = pytest.mark.slow

SYNTHETIC = "synthetic://?patients=4&patches=900&seed=1"


class Broken(BaseException):
    """The end of a process, as far as the code can see it."""


@pytest.fixture
def store(embedded_aws: LocalAws) -> ObjectStore:
    return ObjectStore(embedded_aws.client("s3"), embedded_aws.bucket)


@pytest.fixture
def partition() -> str:
    return f"p-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return write_zip(tmp_path / "archive.zip", patients(4))


def keys(store: ObjectStore, prefix: str) -> list[str]:
    found = store.client.list_objects_v2(Bucket=store.bucket, Prefix=prefix)
    return [entry["Key"] for entry in found.get("Contents", [])]


def unfinished(store: ObjectStore, partition: str) -> list[Any]:
    prefix = layout.snapshot_prefix(partition)
    return store.client.list_multipart_uploads(Bucket=store.bucket, Prefix=prefix).get("Uploads", [])


def assert_no_trace(store: ObjectStore, partition: str) -> None:
    assert keys(store, layout.snapshot_prefix(partition)) == []
    assert unfinished(store, partition) == []


def test_a_local_archive_becomes_a_snapshot(store: ObjectStore, partition: str, archive: Path) -> None:
    manifest = ingest(str(archive), partition, store)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert store.get(layout.archive(partition)) == archive.read_bytes()
    assert (manifest.sha256, manifest.size_bytes) == (digest, archive.stat().st_size)
    assert (manifest.patients, manifest.patches, manifest.synthetic) == (4, {"0": 8, "1": 8}, False)
    assert read_manifest(store, partition) == manifest
    assert keys(store, layout.snapshot_prefix(partition)) == [
        layout.archive(partition),
        layout.manifest(partition),
    ]
    assert not manifest.is_reused


@pytest.mark.parametrize("name", ["idc-mini.zip"])
def test_the_real_archive(store: ObjectStore, partition: str, name: str) -> None:
    path = REAL_DATA / name
    if not path.exists():
        pytest.skip(f"{name} is not on this machine")
    manifest = ingest(path.as_uri(), partition, store)
    assert (manifest.patients, manifest.patches, manifest.doubled_members) == (12, {"0": 386, "1": 260}, 65)


def test_a_generated_archive_of_several_parts(store: ObjectStore, partition: str) -> None:
    manifest = ingest(SYNTHETIC, partition, store)
    assert manifest.synthetic
    assert manifest.size_bytes > upload.PART_BYTES
    assert manifest.doubled_members == sum(manifest.patches.values()) == 900
    assert ingest(SYNTHETIC, partition, store).is_reused


def test_an_archive_in_s3(store: ObjectStore, partition: str, archive: Path) -> None:
    store.put(f"incoming/{partition}.zip", archive.read_bytes())
    manifest = ingest(store.uri(f"incoming/{partition}.zip"), partition, store)
    assert manifest.sha256 == hashlib.sha256(archive.read_bytes()).hexdigest()


def test_the_same_archive_is_not_written_twice(store: ObjectStore, partition: str, archive: Path) -> None:
    first = ingest(str(archive), partition, store)
    before = store.client.head_object(Bucket=store.bucket, Key=layout.archive(partition))["LastModified"]
    second = ingest(archive.as_uri(), partition, store)
    after = store.client.head_object(Bucket=store.bucket, Key=layout.archive(partition))["LastModified"]
    assert (second, second.is_reused, after) == (first, True, before)


def test_a_lost_archive_is_written_again(store: ObjectStore, partition: str, archive: Path) -> None:
    manifest = ingest(str(archive), partition, store)
    store.delete(layout.archive(partition))
    assert ingest(str(archive), partition, store) == manifest
    assert store.get(layout.archive(partition)) == archive.read_bytes()


def test_another_archive_is_a_conflict(
    store: ObjectStore, partition: str, archive: Path, tmp_path: Path
) -> None:
    manifest = ingest(str(archive), partition, store)
    other = write_zip(tmp_path / "other.zip", patients(5))
    with pytest.raises(SnapshotConflict, match="choose another partition"):
        ingest(str(other), partition, store)
    assert read_manifest(store, partition) == manifest
    assert store.get(layout.archive(partition)) == archive.read_bytes()


@pytest.mark.parametrize(
    ("members", "error"),
    [
        ({"../x.png": b"x"}, UnsafeArchive),
        ({member(100, 0): b"x", "100/0/holiday.png": b"x"}, InvalidPatchName),
    ],
)
def test_a_refused_archive_leaves_no_trace(
    store: ObjectStore, partition: str, tmp_path: Path, members: dict[str, bytes], error: type[Exception]
) -> None:
    with pytest.raises(error):
        ingest(str(write_zip(tmp_path / "a.zip", members)), partition, store)
    assert_no_trace(store, partition)


def test_a_truncated_archive_leaves_no_trace(store: ObjectStore, partition: str, archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:-30])
    with pytest.raises(CorruptArchive):
        ingest(str(archive), partition, store)
    assert_no_trace(store, partition)


def test_limits_are_those_given(store: ObjectStore, partition: str, archive: Path) -> None:
    with pytest.raises(UnsafeArchive, match="16 members, expected at most 15"):
        ingest(str(archive), partition, store, Limits(members=15))
    assert_no_trace(store, partition)


def test_an_endless_stream_is_stopped(
    store: ObjectStore, partition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LARGEST_ARCHIVE_BYTES", 3 << 20)
    with pytest.raises(UnsafeArchive, match="bytes so far"):
        ingest(SYNTHETIC, partition, store)
    assert_no_trace(store, partition)


def test_a_stream_that_breaks_leaves_no_trace(store: ObjectStore, partition: str) -> None:
    class Breaking(SyntheticSource):
        def blocks(self, offset: int = 0) -> Iterator[bytes]:
            yield bytes(upload.PART_BYTES + 1)
            yield bytes(upload.PART_BYTES)
            raise Broken

    with pytest.raises(Broken):
        transfer(store, partition, Breaking("breaking", 1, 2, 3))
    assert_no_trace(store, partition)


@pytest.mark.parametrize(
    "operation", ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "PutObject"]
)
def test_a_run_that_dies_is_made_good_by_the_next(
    store: ObjectStore, embedded_aws: LocalAws, partition: str, operation: str
) -> None:
    dying = ObjectStore(embedded_aws.client("s3"), store.bucket)

    def die(**_: object) -> None:
        raise Broken

    dying.client.meta.events.register(f"before-call.s3.{operation}", die)
    for verb in ("AbortMultipartUpload", "DeleteObject"):  # a dead process tidies nothing up
        dying.client.meta.events.register(f"before-call.s3.{verb}", die)
    with pytest.raises(Broken):
        ingest(SYNTHETIC, partition, dying)
    assert store.find(layout.manifest(partition)) is None
    manifest = ingest(SYNTHETIC, partition, store)
    assert not manifest.is_reused
    assert unfinished(store, partition) == []


def test_two_runs_at_once_agree_or_one_fails(store: ObjectStore, partition: str, archive: Path) -> None:
    """The manifest of the other run appears just before ours is written."""
    ours = Manifest.from_json(_manifest_of(store, archive))

    def appear(sha256: str) -> None:
        content = json.loads(ours.to_json())
        content["archive"]["sha256"] = sha256
        store.put(layout.manifest(partition), json.dumps(content).encode())

    racing = ObjectStore(store.client, store.bucket)
    original = racing.put_new
    try:
        racing.put_new = lambda key, body: (appear(ours.sha256), original(key, body))[1]  # type: ignore[method-assign]
        assert ingest(str(archive), partition, racing).is_reused
        store.delete(layout.manifest(partition))
        racing.put_new = lambda key, body: (appear("0" * 64), original(key, body))[1]  # type: ignore[method-assign]
        with pytest.raises(SnapshotConflict, match="at the same time"):
            ingest(str(archive), partition, racing)
    finally:
        store.delete(layout.manifest(partition))


def _manifest_of(store: ObjectStore, archive: Path) -> bytes:
    return ingest(str(archive), f"p-{uuid.uuid4().hex[:12]}", store).to_json()


def test_the_pointer_to_the_dataset(store: ObjectStore, partition: str) -> None:
    assert find_dataset(store, partition) is None
    point_to_dataset(store, partition, "d" * 64)
    assert find_dataset(store, partition) == "d" * 64


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "ftp://host/a.zip",
        "s3://",
        "synthetic://?patients=x",
        "synthetic://?people=3",
        "file://host/a.zip",
    ],
)
def test_an_unknown_source_is_refused(store: ObjectStore, partition: str, uri: str) -> None:
    with pytest.raises(ConfigurationError):
        ingest(uri, partition, store)


def test_a_missing_source_is_named(store: ObjectStore, partition: str, tmp_path: Path) -> None:
    for uri in (str(tmp_path / "absent.zip"), store.uri("absent.zip")):
        with pytest.raises(MissingObject, match=r"absent\.zip"):
            ingest(uri, partition, store)


def test_an_object_is_written_once(store: ObjectStore, partition: str) -> None:
    key = f"trials/{partition}"
    assert store.put_new(key, b"first")
    assert not store.put_new(key, b"second")
    assert store.get(key) == b"first"
    head = store.head(key)
    assert head is not None
    assert head.sha256 == hashlib.sha256(b"first").hexdigest()
    store.put(key, b"third")
    with pytest.raises(ConflictError):
        store.get_range(key, 0, 1, head.etag)


def test_a_store_that_is_away_is_worth_a_retry(embedded_aws: LocalAws) -> None:
    away = ObjectStore(embedded_aws.client("s3", endpoint_url="http://127.0.0.1:9"), "bucket")
    with pytest.raises(StorageError, match="Check that the object store is up"):
        away.head("key")


def test_an_answer_that_breaks_off_is_asked_for_again(store: ObjectStore, partition: str) -> None:
    key = f"trials/{partition}"
    store.put(key, b"whole content")
    broken = [b"who", b""]

    def shorten(parsed: dict[str, Any], **_: object) -> None:
        if broken:
            body = broken.pop()
            parsed["Body"] = StreamingBody(io.BytesIO(body), len(b"whole content"))

    store.client.meta.events.register("after-call.s3.GetObject", shorten)
    assert store.get(key) == b"whole content"
    assert broken == []


def test_a_wrong_key_is_no_reason_to_retry(embedded_aws: LocalAws) -> None:
    client = embedded_aws.client("s3", aws_secret_access_key="wrong")
    with pytest.raises(RequestRejected, match="403"):
        ObjectStore(client, embedded_aws.bucket).put("key", b"")
