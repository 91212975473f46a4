"""A snapshot becomes a verified dataset in a real object store, whole or not at all, the same every time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from archives import REAL_DATA, member, patients, picture, write_zip
from local_aws import REPOSITORY, LocalAws, interpreter

from idc import layout
from idc.dataset import convert as entry
from idc.dataset.conversion import Conversion, ConversionSettings, dataset_digest
from idc.dataset.convert import convert
from idc.dataset.index import DatasetIndex, find_index, verify_shard
from idc.dataset.snapshot import ingest
from idc.dataset.split import read_csv
from idc.dataset.storage import ObjectStore
from idc.errors import (
    ConfigurationError,
    CorruptArchive,
    CorruptShard,
    DatasetConflict,
    HistoflowError,
    LeakageError,
    MissingObject,
    SnapshotConflict,
    TooManyQuarantined,
)
from idc.layout import SPLITS
from idc.records.recordio import read_records

pytestmark = pytest.mark.slow

SETTINGS = ConversionSettings(shard_bytes=4096)


class Broken(BaseException):
    """The end of a process, as far as the code can see it."""


@pytest.fixture
def store(embedded_aws: LocalAws) -> ObjectStore:
    return ObjectStore(embedded_aws.client("s3"), embedded_aws.bucket)


@pytest.fixture(scope="module")
def snapshot(embedded_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A partition with 12 patients and 120 patches, one of them small."""
    path = tmp_path_factory.mktemp("convert") / "a.zip"
    small = {member(100, 0, 99): picture(7, 7, 7, size=(50, 42))}
    return ingested(embedded_aws, write_zip(path, {**patients(12, 10), **small}))


def ingested(aws: LocalAws, path: Path) -> str:
    partition = f"p-{uuid.uuid4().hex[:12]}"
    ingest(str(path), partition, ObjectStore(aws.client("s3"), aws.bucket))
    return partition


def conversion_of(
    store: ObjectStore, partition: str, settings: ConversionSettings = SETTINGS, code: str | None = None
) -> Conversion:
    """A conversion to a dataset no other test has."""
    digest = dataset_digest(partition, settings, code or uuid.uuid4().hex, "image")
    archive, output = store.uri(layout.archive(partition)), store.uri(layout.dataset_prefix(digest))
    return Conversion(archive, output, digest, partition, settings)


def run(store: ObjectStore, conversion: Conversion) -> DatasetIndex:
    return convert(conversion, store.client)


def in_process(aws: LocalAws, conversion: Conversion, environment: str = "mxnet") -> subprocess.Popen[str]:
    """The converter as the processing job runs it."""
    variables = {**os.environ, **aws.env, "PYTHONPATH": str(REPOSITORY / "include")}
    command = [interpreter(environment), "-m", "idc.dataset.convert", *conversion.arguments()]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=variables, stdout=pipe, stderr=pipe, text=True)


def events(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def shards_of(index: DatasetIndex | None) -> list[tuple[str, str]]:
    assert index is not None
    return [(shard.key, shard.sha256) for shard in index.shards]


def test_a_snapshot_becomes_a_dataset(embedded_aws: LocalAws, store: ObjectStore, snapshot: str) -> None:
    conversion = conversion_of(store, snapshot)
    process = in_process(embedded_aws, conversion)
    output, errors = process.communicate(timeout=100)
    assert process.returncode == 0, errors
    told = events(output)
    index = find_index(store, conversion.dataset_digest)
    assert index is not None
    assert [event["event"] for event in told] == ["planned", *["shard"] * len(index.shards), "published"]
    assert told[-2]["patches"] == "121 of 121"
    assert sum(summary.patches for summary in index.splits.values()) == 121
    assert sum(shard.records for shard in index.shards) == 121
    assert (index.padded, index.quarantined, index.partition) == (1, 0, snapshot)
    assert len(index.shards) > 4
    for shard in index.shards:
        verify_shard(store, conversion.dataset_digest, shard)


def test_patients_stay_on_their_side(store: ObjectStore, snapshot: str) -> None:
    conversion = conversion_of(store, snapshot)
    index = run(store, conversion)
    table = {row.patient: row for row in read_csv(store.get(layout.split_table(conversion.dataset_digest)))}
    assert set(table) == {str(100 + patient) for patient in range(12)}
    seen: dict[str, int] = dict.fromkeys(table, 0)
    for shard in index.shards:
        key = layout.dataset_prefix(conversion.dataset_digest) + shard.key
        names = store.get(key.replace(".rec", ".lst")).decode().splitlines()
        for record, line in zip(read_records(store.get(key), shard.key), names, strict=True):
            patient = line.split("\t")[2].split("_")[0]
            assert table[patient].split == shard.split
            assert f"class{record.label}." in line
            seen[patient] += 1
    assert seen == {patient: row.patches for patient, row in table.items()}
    assert set(index.splits) == set(SPLITS)


def test_a_complete_dataset_is_verified_and_reused(
    store: ObjectStore, snapshot: str, capsys: pytest.CaptureFixture[str]
) -> None:
    conversion = conversion_of(store, snapshot)
    index = run(store, conversion)
    capsys.readouterr()
    assert run(store, conversion) == index
    assert [event["event"] for event in events(capsys.readouterr().out)] == ["reused"]


def test_the_same_input_gives_the_same_bytes(store: ObjectStore, snapshot: str) -> None:
    first, second = (run(store, conversion_of(store, snapshot)) for _ in range(2))
    assert shards_of(first) == shards_of(second)
    other = run(store, conversion_of(store, snapshot, replace(SETTINGS, seed=8)))
    assert shards_of(other) != shards_of(first)


def test_the_real_archive(embedded_aws: LocalAws, store: ObjectStore) -> None:
    path = REAL_DATA / "idc-mini.zip"
    if not path.exists():
        pytest.skip("idc-mini.zip is not on this machine")
    index = run(store, conversion_of(store, ingested(embedded_aws, path), ConversionSettings()))
    assert {split: (found.patients, found.patches) for split, found in index.splits.items()} == {
        "train": (8, 416),
        "validation": (2, 115),
        "test": (2, 115),
    }
    assert (index.padded, index.quarantined) == (9, 0)


def test_a_run_may_die_at_any_write(embedded_aws: LocalAws, store: ObjectStore, snapshot: str) -> None:
    """The index is absent or valid; the next run ends with the same digests, uploading what is missing."""
    settings = replace(SETTINGS, shard_bytes=1 << 20)
    expected = run(store, conversion_of(store, snapshot, settings))
    writes = 3 * len(expected.shards) + 3
    for survived in range(writes):
        conversion = conversion_of(store, snapshot, settings)
        dying, done = embedded_aws.client("s3"), []

        def die(done: list[int] = done, survived: int = survived, **_: object) -> None:
            if len(done) == survived:
                raise Broken
            done.append(1)

        dying.meta.events.register("before-call.s3.PutObject", die)
        with pytest.raises(Broken):
            convert(conversion, dying)
        assert find_index(store, conversion.dataset_digest) is None
        again, repeated = embedded_aws.client("s3"), []
        again.meta.events.register(
            "before-call.s3.PutObject", lambda repeated=repeated, **_: repeated.append(1)
        )
        assert shards_of(convert(conversion, again)) == shards_of(expected)
        assert len(repeated) <= max(writes - survived, 3)


def test_a_killed_process_is_made_good_by_the_next(
    embedded_aws: LocalAws, store: ObjectStore, snapshot: str
) -> None:
    expected = run(store, conversion_of(store, snapshot))
    conversion = conversion_of(store, snapshot)
    process = in_process(embedded_aws, conversion)
    assert process.stdout is not None
    while "shard" not in json.loads(process.stdout.readline()):
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert find_index(store, conversion.dataset_digest) is None
    assert shards_of(run(store, conversion)) == shards_of(expected)


def test_two_converters_publish_one_dataset(
    embedded_aws: LocalAws, store: ObjectStore, snapshot: str
) -> None:
    """The second finds the first's index when it publishes its own, equal one."""
    conversion = conversion_of(store, snapshot)
    late = embedded_aws.client("s3")
    overtaken = []

    def overtake(params: dict[str, Any], **_: object) -> None:
        if params["url_path"].endswith("index.json") and not overtaken:
            overtaken.append(convert(conversion, store.client))

    late.meta.events.register("before-call.s3.PutObject", overtake)
    assert shards_of(convert(conversion, late)) == shards_of(overtaken[0])


def test_another_dataset_under_the_same_digest_is_a_conflict(
    embedded_aws: LocalAws, store: ObjectStore, snapshot: str
) -> None:
    conversion = conversion_of(store, snapshot)
    other = run(store, conversion_of(store, snapshot, replace(SETTINGS, seed=8)))
    late = embedded_aws.client("s3")

    def overtake(params: dict[str, Any], **_: object) -> None:
        if params["url_path"].endswith("index.json"):
            late.meta.events.unregister("before-call.s3.PutObject", overtake)
            store.put(layout.index(conversion.dataset_digest), other.to_json())

    late.meta.events.register("before-call.s3.PutObject", overtake)
    with pytest.raises(DatasetConflict, match=conversion.dataset_digest):
        convert(conversion, late)
    assert find_index(store, conversion.dataset_digest) == other


def flip(content: bytes) -> bytes:
    return content[:500] + bytes([content[500] ^ 1]) + content[501:]


def cut_at_a_record(content: bytes) -> bytes:
    return content[: max(record.offset for record in read_records(content, "a"))]


@pytest.mark.parametrize("damage", [flip, cut_at_a_record, lambda content: b"", None])
def test_a_damaged_shard_is_named(store: ObjectStore, snapshot: str, damage: Any) -> None:
    conversion = conversion_of(store, snapshot)
    shard = run(store, conversion).shards[2]
    key = layout.dataset_prefix(conversion.dataset_digest) + shard.key
    if damage:
        store.put(key, damage(store.get(key)))
    else:
        store.delete(key)
    with pytest.raises(CorruptShard, match=shard.key):
        run(store, conversion)


def test_too_many_bad_images_stop_the_run(embedded_aws: LocalAws, store: ObjectStore, tmp_path: Path) -> None:
    bad = {member(100, 0, 99): b"<svg/>"}
    partition = ingested(embedded_aws, write_zip(tmp_path / "a.zip", {**patients(12, 10), **bad}))
    strict = conversion_of(store, partition)
    with pytest.raises(TooManyQuarantined, match=r"1 of 121 patches quarantined: 100/0/.* is neither"):
        run(store, strict)
    assert find_index(store, strict.dataset_digest) is None
    lenient = conversion_of(store, partition, replace(SETTINGS, quarantine_limit=0.01))
    assert run(store, lenient).quarantined == 1
    quality = json.loads(store.get(layout.quality(lenient.dataset_digest)))
    assert quality["quarantined"] == [{"member": member(100, 0, 99), "reason": "is neither PNG nor JPEG"}]
    assert (quality["patches_read"], quality["patches_used"]) == (121, 120)


def test_a_side_that_loses_a_class_is_refused(
    embedded_aws: LocalAws, store: ObjectStore, tmp_path: Path
) -> None:
    members = {name: b"<svg/>" if "class1" in name else content for name, content in patients(3, 2).items()}
    partition = ingested(embedded_aws, write_zip(tmp_path / "a.zip", members))
    conversion = conversion_of(store, partition, replace(SETTINGS, quarantine_limit=1))
    with pytest.raises(LeakageError, match="0 of class 1"):
        run(store, conversion)
    assert find_index(store, conversion.dataset_digest) is None


def test_identical_images_are_told(embedded_aws: LocalAws, store: ObjectStore, tmp_path: Path) -> None:
    twins = {member(patient, 0, 99): picture(9, 9, 9) for patient in (103, 107)}
    partition = ingested(embedded_aws, write_zip(tmp_path / "a.zip", {**patients(12, 10), **twins}))
    conversion = conversion_of(store, partition)
    run(store, conversion)
    quality = json.loads(store.get(layout.quality(conversion.dataset_digest)))
    assert quality["identical_across_patients"] == [list(twins)]
    table = {
        row.patient: row.split for row in read_csv(store.get(layout.split_table(conversion.dataset_digest)))
    }
    assert table["103"] == table["107"]


def test_a_damaged_archive_is_named(embedded_aws: LocalAws, store: ObjectStore, tmp_path: Path) -> None:
    partition = ingested(embedded_aws, write_zip(tmp_path / "a.zip", patients(12, 10), method=0))
    content = bytearray(store.get(layout.archive(partition)))
    content[content.index(b"IDAT") + 8] ^= 1
    store.put(layout.archive(partition), bytes(content))
    with pytest.raises(CorruptArchive, match=r"\.png"):
        run(store, conversion_of(store, partition))


def test_an_archive_that_was_exchanged_is_a_conflict(
    embedded_aws: LocalAws, store: ObjectStore, tmp_path: Path
) -> None:
    partition = ingested(embedded_aws, write_zip(tmp_path / "a.zip", patients(12, 10)))
    store.put(layout.archive(partition), write_zip(tmp_path / "b.zip", patients(13, 10)).read_bytes())
    with pytest.raises(SnapshotConflict, match="120 patches"):
        run(store, conversion_of(store, partition))


def test_the_process_says_in_one_line_what_is_wrong(
    embedded_aws: LocalAws, store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversion = conversion_of(store, "absent")
    process = in_process(embedded_aws, conversion, "dev")
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.startswith("MissingObject: snapshot absent:")
    assert errors.endswith("Run idc_ingest for this partition.\n")
    assert events(output)[0]["event"] == "failed"


def test_the_message_is_left_for_the_job_description(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(entry, "EXIT_MESSAGE", tmp_path / "message")
    monkeypatch.setattr(entry, "connect", lambda: store.client)
    assert entry.main(conversion_of(store, "absent").arguments()) == 1
    assert (tmp_path / "message").read_text().startswith("snapshot absent:")


@pytest.mark.parametrize(
    "change", [{"output": "s3://b/elsewhere/"}, {"archive": "s3://b/a.zip"}, {"output": "x"}]
)
def test_addresses_that_do_not_fit_are_refused(
    store: ObjectStore, snapshot: str, change: dict[str, str]
) -> None:
    with pytest.raises(ConfigurationError):
        run(store, replace(conversion_of(store, snapshot), **change))  # type: ignore[arg-type]


def test_a_missing_archive_is_named(store: ObjectStore, embedded_aws: LocalAws, tmp_path: Path) -> None:
    partition = ingested(embedded_aws, write_zip(tmp_path / "a.zip", patients(12)))
    store.delete(layout.archive(partition))
    with pytest.raises(MissingObject, match=r"archive\.zip"):
        run(store, conversion_of(store, partition))
    assert issubclass(MissingObject, HistoflowError)
