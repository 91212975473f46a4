"""A snapshot becomes a verified dataset in a real object store, whole or not at all, the same every time."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from archives import REAL_DATA, member, patients, picture, write_zip
from conversions import SETTINGS, command, conversion_of, events, in_process, ingested, objects, run
from local_aws import LocalAws

from idc import layout
from idc.converter import convert as entry, png
from idc.converter.conversion import ConversionSettings
from idc.converter.index import find_index, verify_dataset
from idc.converter.records.recordio import read_records
from idc.converter.records.tfrecord import read_examples
from idc.converter.split import read_csv
from idc.errors import (
    ConfigurationError,
    CorruptArchive,
    LeakageError,
    MissingObject,
    SnapshotConflict,
    TooManyQuarantined,
)
from idc.layout import SPLITS
from idc.storage import ObjectStore

pytestmark = pytest.mark.slow


@pytest.fixture
def store(embedded_aws: LocalAws) -> ObjectStore:
    return ObjectStore(embedded_aws.client("s3"), embedded_aws.bucket)


@pytest.fixture(scope="module")
def snapshot(embedded_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A partition with 12 patients and 120 patches, one of them small."""
    path = tmp_path_factory.mktemp("convert") / "a.zip"
    small = {member(100, 0, 99): picture(7, 7, 7, size=(50, 42))}
    return ingested(embedded_aws, write_zip(path, {**patients(12, 10), **small}))


def test_a_snapshot_becomes_a_dataset(embedded_aws: LocalAws, store: ObjectStore, snapshot: str) -> None:
    conversion = conversion_of(store, snapshot)
    process = in_process(embedded_aws, command(conversion))
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
    verify_dataset(store, index)


def test_every_object_of_the_dataset_is_in_the_index(store: ObjectStore, snapshot: str) -> None:
    conversion = conversion_of(store, snapshot)
    index = run(store, conversion)
    prefix = layout.dataset_prefix(conversion.dataset_digest)
    listed = {prefix + found.key: found.sha256 for found in index.files}
    found = objects(store, conversion)
    del found[layout.index(conversion.dataset_digest)]
    assert listed == found
    assert index.size_bytes == sum(len(store.get(key)) for key in found)
    names = {key.rpartition(".")[2] for key in listed}
    assert names == {"rec", "idx", "lst", "tfrecord", "manifest", "json", "csv"}


def test_tfrecord_and_payload_hold_the_patches_of_recordio(store: ObjectStore, snapshot: str) -> None:
    conversion = conversion_of(store, snapshot)
    prefix = layout.dataset_prefix(conversion.dataset_digest)
    for shard in run(store, conversion).shards:
        records = list(read_records(store.get(prefix + shard.key), shard.key))
        other = layout.shard(shard.split, shard.number, layout.TFRECORD) + ".tfrecord"
        examples = list(read_examples(store.get(prefix + other), other))
        assert [(one.label, one.image) for one in examples] == [(one.label, one.image) for one in records]
        payload = prefix + layout.shard(shard.split, shard.number, layout.PAYLOAD) + ".rec"
        assert (store.head(payload) is not None) == (shard.split != "train")


def test_a_manifest_names_the_record_files_of_its_split(store: ObjectStore, snapshot: str) -> None:
    conversion = conversion_of(store, snapshot)
    index = run(store, conversion)
    for split in SPLITS:
        prefix, *names = json.loads(store.get(layout.channel_manifest(conversion.dataset_digest, split)))
        below = layout.split_prefix(conversion.dataset_digest, split)
        assert prefix == {"prefix": store.uri(below)}
        own = [shard.key for shard in index.shards if shard.split == split]
        assert [f"recordio/{split}/{name}" for name in names] == own
        assert all(store.head(below + name) for name in names)


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
    first, second = (run(store, conversion_of(store, snapshot)).shards for _ in range(2))
    assert first == second
    assert run(store, conversion_of(store, snapshot, replace(SETTINGS, seed=8))).shards != first


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


def test_wrong_pixels_behind_right_checksums_are_quarantined(
    embedded_aws: LocalAws, store: ObjectStore, tmp_path: Path
) -> None:
    """Only unpacking the pixels finds it, which happens when the shard is read back."""
    bad = {member(100, 0, 99): png.assemble(50, 50, zlib.compress(bytes(50)))}
    partition = ingested(embedded_aws, write_zip(tmp_path / "a.zip", {**patients(12, 10), **bad}))
    conversion = conversion_of(store, partition, replace(SETTINGS, quarantine_limit=0.01))
    index = run(store, conversion)
    assert sum(shard.records for shard in index.shards) == 120
    quality = json.loads(store.get(layout.quality(conversion.dataset_digest)))
    reason = "is a PNG of 50×50 without just its pixels"
    assert quality["quarantined"] == [{"member": member(100, 0, 99), "reason": reason}]
    assert set(objects(store, conversion)) == {
        layout.index(conversion.dataset_digest),
        *(layout.dataset_prefix(conversion.dataset_digest) + found.key for found in index.files),
    }
    verify_dataset(store, index)


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
    process = in_process(embedded_aws, command(conversion, "dev"))
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
