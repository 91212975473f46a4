"""Faults 8 to 16 of a conversion: leaks, deaths, full stores, damaged shards, rivals and broken uploads.

Fault 11 is one of the object store here: the converter never writes to a disk, and a test holds it to that.
"""

from __future__ import annotations

import io
import json
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from archives import member, patients, picture, write_zip
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError
from conversions import SETTINGS, command, conversion_of, events, forget, in_process, ingested, objects, run
from local_aws import LocalAws
from urllib3.response import HTTPResponse

from idc import layout
from idc.converter.conversion import Conversion, ConversionSettings
from idc.converter.convert import convert
from idc.converter.given_split import store_split
from idc.converter.index import find_index, verify_dataset
from idc.converter.records.recordio import read_records
from idc.errors import CorruptShard, DatasetConflict, LeakageError, StorageError
from idc.storage import ObjectStore

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

WHOLE = ConversionSettings()  # a shard for each split
PUT = "before-call.s3.PutObject"
Sample = Callable[[Sequence[int]], Sequence[int]]
DYING = """
import os, signal, sys
from idc import storage
from idc.converter import conversion, convert
client, left = storage.connect(), [None] * int(sys.argv[1])
def die(**_):
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    left.pop()
client.meta.events.register("before-call.s3.PutObject", die)
convert.convert(conversion.parse_arguments(sys.argv[2:]), client)
"""


@pytest.fixture
def store(embedded_aws: LocalAws) -> ObjectStore:
    return ObjectStore(embedded_aws.client("s3"), embedded_aws.bucket)


@pytest.fixture(scope="module")
def snapshot(embedded_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("faults") / "a.zip"
    small = {member(100, 0, 99): picture(7, 7, 7, size=(50, 42))}
    return ingested(embedded_aws, write_zip(path, {**patients(12, 10), **small}))


def keys_put(aws: LocalAws, before: Callable[[int], None] | None = None) -> tuple[Any, list[str]]:
    """A client, and the keys it has put so far; `before` is called with their number before each."""
    client, keys = aws.client("s3"), []

    def note(params: dict[str, Any], **_: object) -> None:
        if before:
            before(len(keys))
        keys.append(params["url_path"].partition("/datasets/")[2])

    client.meta.events.register(PUT, note)
    return client, keys


def expected_of(aws: LocalAws, store: ObjectStore, conversion: Conversion) -> tuple[dict[str, str], int]:
    """What the conversion makes when nothing happens, and in how many writes; nothing is left of it."""
    client, keys = keys_put(aws)
    convert(conversion, client)
    whole = objects(store, conversion)
    forget(store, conversion)
    assert len(keys) == len(whole)
    return whole, len(keys)


def given(store: ObjectStore, partition: str, sides: dict[str, str]) -> Conversion:
    table = "patient,split\n" + "".join(f"{patient},{split}\n" for patient, split in sides.items())
    digest = store_split([table.encode()], "split.csv", store)
    return conversion_of(store, partition, replace(SETTINGS, split_sha256=digest))


SIDES = {str(100 + number): layout.SPLITS[number % 3] for number in range(12)}


def test_8_a_side_without_patients_or_with_one_class_is_no_dataset(
    embedded_aws: LocalAws, store: ObjectStore, snapshot: str, tmp_path: Path
) -> None:
    empty = given(store, snapshot, dict.fromkeys(SIDES, "train"))
    with pytest.raises(LeakageError, match="0 patients"):
        run(store, empty)
    ill = {name: image for name, image in patients(12, 10).items() if "class1" in name}
    members = {name: image for name, image in patients(12, 10).items() if name not in ill or name[:3] > "101"}
    sides = {
        patient: "test" if patient < "102" else SIDES[patient].replace("test", "train") for patient in SIDES
    }
    archive = write_zip(tmp_path / "a.zip", members)
    single = given(store, ingested(embedded_aws, archive), sides)
    with pytest.raises(
        LeakageError, match="split test: 2 patients with 10 patches of class 0 and 0 of class 1"
    ):
        run(store, single)
    for conversion in (empty, single):
        assert objects(store, conversion) == {}


def test_9_identical_images_on_two_sides_of_a_given_split(
    embedded_aws: LocalAws, store: ObjectStore, tmp_path: Path
) -> None:
    twins = {member(patient, 0, 99): picture(9, 9, 9) for patient in (103, 107)}
    partition = ingested(embedded_aws, write_zip(tmp_path / "a.zip", {**patients(12, 10), **twins}))
    parted = given(store, partition, SIDES)
    with pytest.raises(
        LeakageError, match=r"patients 103, 107: identical images in \['train', 'validation'\]"
    ):
        run(store, parted)
    assert objects(store, parted) == {}
    together = given(store, partition, {**SIDES, "107": SIDES["103"]})
    run(store, together)
    quality = json.loads(store.get(layout.quality(together.dataset_digest)))
    assert quality["identical_across_patients"] == [list(twins)]


def test_10_sigkill_at_every_write(
    embedded_aws: LocalAws, store: ObjectStore, snapshot: str, sample: Sample
) -> None:
    """The index is absent or all is valid; the rerun gives the same bytes and uploads what is missing."""
    conversion = conversion_of(store, snapshot, WHOLE)
    whole, writes = expected_of(embedded_aws, store, conversion)
    for survived in sample(range(writes + 1)):
        arguments = [command(conversion)[0], "-c", DYING, str(survived), *conversion.arguments()]
        process = in_process(embedded_aws, arguments)
        _, errors = process.communicate(timeout=100)
        assert process.returncode == (-signal.SIGKILL if survived < writes else 0), errors
        index = find_index(store, conversion.dataset_digest)
        assert (index is None) == (survived < writes)
        if index is not None:
            verify_dataset(store, index)
        client, keys = keys_put(embedded_aws)
        convert(conversion, client)
        assert objects(store, conversion) == whole
        assert len(keys) == writes - survived
        forget(store, conversion)


def test_11_a_full_store_at_every_write(
    embedded_aws: LocalAws, store: ObjectStore, snapshot: str, sample: Sample
) -> None:
    """`StorageError` names the object, another dataset is left alone, and the retry succeeds."""
    earlier = conversion_of(store, snapshot)
    run(store, earlier)
    before = objects(store, earlier)
    conversion = conversion_of(store, snapshot, WHOLE)
    whole, writes = expected_of(embedded_aws, store, conversion)
    for survived in sample(range(writes)):
        client, keys = keys_put(embedded_aws)

        def refuse(request: Any, keys: list[str] = keys, survived: int = survived, **_: object) -> Any:
            full = HTTPResponse(io.BytesIO(), status=507, preload_content=False)
            return AWSResponse(request.url, 507, {}, full) if len(keys) > survived else None

        client.meta.events.register("before-send.s3.PutObject", refuse)
        with pytest.raises(StorageError) as failure:
            convert(conversion, client)
        assert keys[-1] in str(failure.value)
        assert find_index(store, conversion.dataset_digest) is None
        run(store, conversion)
        assert objects(store, conversion) == whole
        forget(store, conversion)
    assert objects(store, earlier) == before


def test_11_the_converter_never_writes_to_a_disk(
    embedded_aws: LocalAws, store: ObjectStore, snapshot: str
) -> None:
    """No file may grow by a byte; one core, since processes side by side share locks in memory files."""
    conversion = conversion_of(store, snapshot)
    process = in_process(
        embedded_aws, ["prlimit", "--fsize=0", "taskset", "--cpu-list", "0", *command(conversion)]
    )
    output, errors = process.communicate(timeout=100)
    assert process.returncode == 0, errors
    assert events(output)[0]["processes"] == 1
    assert find_index(store, conversion.dataset_digest) is not None


def flip(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def cut_at_a_record(content: bytes) -> bytes:
    return content[: max(record.offset for record in read_records(content, "a"))]


@pytest.mark.parametrize("damage", [flip, lambda content: content[:-1], lambda content: b"", None])
def test_12_and_14_a_damaged_file_of_any_kind_is_named(
    store: ObjectStore, snapshot: str, damage: Callable[[bytes], bytes] | None
) -> None:
    conversion = conversion_of(store, snapshot, replace(WHOLE, formats=("augmented", "image")))
    index = run(store, conversion)
    kinds = {entry.key.partition("/")[0] + entry.key.rpartition(".")[2]: entry.key for entry in index.files}
    assert len(kinds) == 12
    for key in kinds.values():
        path = layout.dataset_prefix(conversion.dataset_digest) + key
        content = store.get(path)
        if damage:
            store.put(path, damage(content))
        else:
            store.delete(path)
        with pytest.raises(CorruptShard, match=key):
            verify_dataset(store, index)
        store.put(path, content)
    verify_dataset(store, index)


def test_13_a_shard_cut_at_a_record_boundary(store: ObjectStore, snapshot: str) -> None:
    """Even where the index has the hash of the damaged file."""
    conversion = conversion_of(store, snapshot)
    index = run(store, conversion)
    shard = index.shards[2]
    path = layout.dataset_prefix(conversion.dataset_digest) + shard.key
    content = cut_at_a_record(store.get(path))
    digest = store.put(path, content)
    with pytest.raises(CorruptShard, match=shard.key):
        verify_dataset(store, index)
    forged = [
        replace(entry, sha256=digest, size_bytes=len(content)) if entry.key == shard.key else entry
        for entry in index.files
    ]
    with pytest.raises(CorruptShard, match=rf"{shard.key}: .*{shard.records - 1} records"):
        verify_dataset(store, replace(index, files=forged))


def test_14_formats_that_differ_are_named(store: ObjectStore, snapshot: str) -> None:
    """A whole TFRecord shard with other patches than the RecordIO shard of its number."""
    conversion = conversion_of(store, snapshot, WHOLE)
    index = run(store, conversion)
    prefix = layout.dataset_prefix(conversion.dataset_digest)
    ours, theirs = (f"tfrecord/{split}/part-00000.tfrecord" for split in ("validation", "test"))
    digest = store.put(prefix + ours, store.get(prefix + theirs))
    size = len(store.get(prefix + ours))
    forged = [
        replace(entry, sha256=digest, size_bytes=size) if entry.key == ours else entry
        for entry in index.files
    ]
    with pytest.raises(CorruptShard, match=rf"{ours}.* as patch 0"):
        verify_dataset(store, replace(index, files=forged))


def test_15_two_converters_publish_one_dataset(
    embedded_aws: LocalAws, store: ObjectStore, snapshot: str
) -> None:
    """The second finds the first's index when it publishes its own, equal one."""
    conversion = conversion_of(store, snapshot)
    late = embedded_aws.client("s3")
    overtaken = []

    def overtake(params: dict[str, Any], **_: object) -> None:
        if params["url_path"].endswith("index.json") and not overtaken:
            overtaken.append(convert(conversion, store.client))

    late.meta.events.register(PUT, overtake)
    assert convert(conversion, late) == overtaken[0]


def test_15_two_processes_at_once(embedded_aws: LocalAws, store: ObjectStore, snapshot: str) -> None:
    conversion = conversion_of(store, snapshot)
    run(store, conversion)
    alone = objects(store, conversion)
    forget(store, conversion)
    running = [in_process(embedded_aws, command(conversion)) for _ in range(2)]
    ended = [process.communicate(timeout=200) for process in running]
    assert [process.returncode for process in running] == [0, 0], ended
    assert objects(store, conversion) == alone


def test_15_another_dataset_under_the_same_digest_is_a_conflict(
    embedded_aws: LocalAws, store: ObjectStore, snapshot: str
) -> None:
    conversion = conversion_of(store, snapshot)
    other = run(store, conversion_of(store, snapshot, replace(SETTINGS, seed=8)))
    late = embedded_aws.client("s3")

    def overtake(params: dict[str, Any], **_: object) -> None:
        if params["url_path"].endswith("index.json"):
            late.meta.events.unregister(PUT, overtake)
            store.put(layout.index(conversion.dataset_digest), other.to_json())

    late.meta.events.register(PUT, overtake)
    with pytest.raises(DatasetConflict, match=conversion.dataset_digest):
        convert(conversion, late)
    assert find_index(store, conversion.dataset_digest) == other


def test_16_an_upload_that_dies_midway(
    embedded_aws: LocalAws, store: ObjectStore, snapshot: str, sample: Sample
) -> None:
    """At every upload in turn: never an index, and the rerun uploads nothing twice."""
    conversion = conversion_of(store, snapshot, WHOLE)
    whole, writes = expected_of(embedded_aws, store, conversion)
    for survived in sample(range(writes)):
        client, sent = keys_put(embedded_aws)

        def cut(request: Any, sent: list[str] = sent, survived: int = survived, **_: object) -> None:
            if len(sent) > survived:
                raise ConnectionClosedError(endpoint_url=request.url)

        client.meta.events.register("before-send.s3.PutObject", cut)
        with pytest.raises(StorageError):
            convert(conversion, client)
        assert find_index(store, conversion.dataset_digest) is None
        again, resent = keys_put(embedded_aws)
        convert(conversion, again)
        assert objects(store, conversion) == whole
        assert not set(sent[:survived]) & set(resent)
        assert len(resent) == writes - survived
        forget(store, conversion)


def test_a_shard_that_rotted_before_the_rerun_is_mended(
    embedded_aws: LocalAws, store: ObjectStore, snapshot: str
) -> None:
    """What an earlier attempt finished is read back before it is taken over."""
    conversion = conversion_of(store, snapshot)
    index = run(store, conversion)
    whole = objects(store, conversion)
    store.delete(layout.index(conversion.dataset_digest))
    key = layout.dataset_prefix(conversion.dataset_digest) + index.shards[1].key
    digest = {"sha256": index.shards[1].sha256}  # the object says it is what it was
    store.client.put_object(Bucket=store.bucket, Key=key, Body=flip(store.get(key)), Metadata=digest)
    client, keys = keys_put(embedded_aws)
    convert(conversion, client)
    assert objects(store, conversion) == whole
    stem = index.shards[1].key.partition("/")[2].partition(".")[0]
    assert all(stem in name or name.endswith("index.json") for name in keys)
