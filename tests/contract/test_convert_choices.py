"""What a conversion can be asked for: a given split, raw images, edge patches, a dataset made anew."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from archives import member, patients, picture, write_zip
from conversions import SETTINGS, conversion_of, ingested, objects, run
from local_aws import LocalAws

from idc import layout
from idc.convert import stage
from idc.convert.stage import ConversionPlan
from idc.converter.conversion import Conversion, ConversionSettings, parse_arguments
from idc.converter.index import find_index, verify_dataset
from idc.converter.records.recordio import read_records
from idc.converter.split import read_csv
from idc.errors import ConfigurationError, CorruptShard, LeakageError, MissingObject
from idc.layout import SPLITS
from idc.settings import Settings
from idc.storage import ObjectStore

pytestmark = pytest.mark.slow

PATIENTS = [str(100 + number) for number in range(12)]
GIVEN = {patient: SPLITS[number % 3] for number, patient in enumerate(PATIENTS)}


@pytest.fixture
def store(embedded_aws: LocalAws) -> ObjectStore:
    return ObjectStore(embedded_aws.client("s3"), embedded_aws.bucket)


@pytest.fixture(scope="module")
def snapshot(embedded_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> str:
    """12 patients and 122 patches, two of them small."""
    path = tmp_path_factory.mktemp("choices") / "a.zip"
    small = {
        member(100, 0, 99): picture(7, 7, 7, size=(50, 42)),
        member(101, 1, 98): picture(8, 7, 7, size=(1, 50)),
    }
    return ingested(embedded_aws, write_zip(path, {**patients(12, 10), **small}))


def csv_of(sides: dict[str, str]) -> str:
    return "patient,split\n" + "".join(f"{patient},{split}\n" for patient, split in sides.items())


def planned(store: ObjectStore, partition: str, **changes: Any) -> ConversionPlan:
    settings = Settings(bucket=store.bucket, role_arn="arn:aws:iam::123456789012:role/histoflow")
    changes = {"options": SETTINGS, **changes}
    return stage.plan(store, settings, dag_id="idc_convert", partition=partition, **changes)


def asked(plan: ConversionPlan) -> Conversion:
    assert plan.spec is not None
    arguments = plan.spec.request["AppSpecification"]["ContainerArguments"]
    return replace(parse_arguments(arguments), resources="absent")


def damage(store: ObjectStore, key: str) -> None:
    """Change an object's first byte, and nothing that its metadata says of it."""
    metadata = store.client.head_object(Bucket=store.bucket, Key=key)["Metadata"]
    body = store.get(key)
    body = bytes([body[0] ^ 1]) + body[1:]
    store.client.put_object(Bucket=store.bucket, Key=key, Body=body, Metadata=metadata)


def sides_of(store: ObjectStore, digest: str) -> dict[str, str]:
    return {row.patient: row.split for row in read_csv(store.get(layout.split_table(digest)))}


@pytest.fixture
def website(tmp_path: Path) -> Iterator[str]:
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("kind", ["path", "s3", "http"])
def test_a_given_split_is_followed(
    store: ObjectStore, snapshot: str, tmp_path: Path, website: str, kind: str
) -> None:
    path = tmp_path / "split.csv"
    path.write_text(csv_of(GIVEN))
    store.put("published/split.csv", path.read_bytes())
    uri = {"path": str(path), "s3": store.uri("published/split.csv"), "http": f"{website}/split.csv"}[kind]
    plan = planned(store, snapshot, split=uri)
    assert plan.dataset_digest != planned(store, snapshot).dataset_digest
    path.unlink()  # the job reads its own copy
    if plan.spec is not None:  # every way of naming the same split names the same dataset
        run(store, asked(plan))
    assert sides_of(store, plan.dataset_digest) == GIVEN
    index = find_index(store, plan.dataset_digest)
    assert index is not None
    assert store.head(layout.given_split(index.split_sha256))


def test_the_split_of_one_dataset_can_be_given_for_the_next(
    store: ObjectStore, snapshot: str, tmp_path: Path
) -> None:
    first = run(store, conversion_of(store, snapshot))
    path = tmp_path / "split.csv"
    path.write_bytes(store.get(layout.split_table(first.dataset_digest)))
    second = run(store, asked(planned(store, snapshot, split=str(path))))
    assert second.dataset_digest != first.dataset_digest
    assert second.shards == first.shards


@pytest.mark.parametrize(
    ("content", "error", "text"),
    [
        (csv_of(GIVEN) + "100,test\n", LeakageError, "two splits: 1 .100 in train and in test"),
        (csv_of({**GIVEN, "105": "val"}), ConfigurationError, "patient '105', split 'val'"),
        ("a,b\n1,2\n", ConfigurationError, "the columns a, b"),
        ("", ConfigurationError, "0 lines"),
    ],
)
def test_what_is_no_split_is_refused_before_there_is_a_job(
    store: ObjectStore, snapshot: str, tmp_path: Path, content: str, error: type[Exception], text: str
) -> None:
    path = tmp_path / "split.csv"
    path.write_text(content)
    with pytest.raises(error, match=text):
        planned(store, snapshot, split=str(path))


def test_a_split_that_is_not_there_is_named(store: ObjectStore, snapshot: str, tmp_path: Path) -> None:
    with pytest.raises(MissingObject, match=r"split\.csv"):
        planned(store, snapshot, split=str(tmp_path / "split.csv"))


def test_a_split_of_other_patients_is_refused(store: ObjectStore, snapshot: str, tmp_path: Path) -> None:
    path = tmp_path / "split.csv"
    others = {str(1000 + number): "train" for number in range(11)}
    path.write_text(csv_of({**{patient: GIVEN[patient] for patient in PATIENTS[1:]}, **others}))
    conversion = asked(planned(store, snapshot, split=str(path)))
    with pytest.raises(ConfigurationError, match=r"not in it: 1 \(100\).*not in the archive: 11 .*1009, …"):
        run(store, conversion)
    assert objects(store, conversion) == {}


@pytest.mark.parametrize("raw", [("image",), ("augmented",), ("augmented", "image")])
def test_raw_images_on_request(store: ObjectStore, snapshot: str, raw: tuple[str, ...]) -> None:
    conversion = conversion_of(store, snapshot, replace(SETTINGS, formats=raw))
    index = run(store, conversion)
    verify_dataset(store, index)
    digest, prefix = conversion.dataset_digest, layout.dataset_prefix(conversion.dataset_digest)
    for split in SPLITS:
        shards = [shard for shard in index.shards if shard.split == split]
        records = [record for s in shards for record in read_records(store.get(prefix + s.key), s.key)]
        folder = layout.split_prefix(digest, split, layout.IMAGE)
        manifest = store.find(layout.channel_manifest(digest, split, layout.AUGMENTED))
        listed = store.find(layout.image_list(digest, split))
        assert (manifest is not None, listed is not None) == ("augmented" in raw, "image" in raw)
        if manifest is not None:
            lines = [json.loads(line) for line in manifest.decode().splitlines()]
            assert [line["class"] for line in lines] == [record.label for record in records]
            keys = [layout.parse_uri(line["source-ref"])[1] for line in lines]
        if listed is not None:
            rows = [line.split("\t") for line in listed.decode().splitlines()]
            assert [int(row[0]) for row in rows] == list(range(len(records)))
            assert [int(row[1]) for row in rows] == [record.label for record in records]
            keys = [folder + row[2] for row in rows]
        assert [store.get(key) for key in keys] == [record.image for record in records]


def test_edge_patches_are_padded_or_left_out_and_counted(store: ObjectStore, snapshot: str) -> None:
    padded = run(store, conversion_of(store, snapshot))
    conversion = conversion_of(store, snapshot, replace(SETTINGS, edge_patches="exclude"))
    excluded = run(store, conversion)
    patches = [sum(split.patches for split in index.splits.values()) for index in (padded, excluded)]
    assert patches == [122, 120]
    assert (padded.padded, padded.excluded, padded.edge_patches) == (2, 0, "pad")
    assert (excluded.padded, excluded.excluded, excluded.edge_patches) == (0, 2, "exclude")
    quality = json.loads(store.get(layout.quality(conversion.dataset_digest)))
    assert quality["sizes"] == {"1x50": 1, "50x42": 1}
    assert (quality["patches_read"], quality["patches_used"], quality["quarantined_count"]) == (122, 120, 0)
    assert [found.patches for found in padded.splits.values()] != [
        found.patches for found in excluded.splits.values()
    ]


@pytest.mark.parametrize(
    "change", [{"formats": ("image",)}, {"edge_patches": "exclude"}, {"seed": 9}, {"quarantine_limit": 0.1}]
)
def test_another_choice_is_another_dataset(store: ObjectStore, snapshot: str, change: dict[str, Any]) -> None:
    options = replace(SETTINGS, **change)
    assert planned(store, snapshot, options=options).dataset_digest != planned(store, snapshot).dataset_digest


def test_the_number_of_instances_is_no_other_dataset(store: ObjectStore, snapshot: str) -> None:
    one, many = planned(store, snapshot, instances=1), planned(store, snapshot, instances=32)
    assert one.dataset_digest == many.dataset_digest
    assert many.spec is not None
    cluster = many.spec.request["ProcessingResources"]["ClusterConfig"]
    assert cluster["InstanceCount"] == 32


def test_a_damaged_dataset_is_not_reused_and_can_be_made_anew(
    store: ObjectStore, snapshot: str, caplog: pytest.LogCaptureFixture
) -> None:
    options = ConversionSettings(seed=77, shard_bytes=4096)
    conversion = asked(planned(store, snapshot, options=options))
    index = run(store, conversion)
    whole = objects(store, conversion)
    with caplog.at_level("INFO"):
        assert planned(store, snapshot, options=options).spec is None
    assert f"reading all {len(index.files)} files" in caplog.text
    prefix = layout.dataset_prefix(index.dataset_digest)
    for key in (prefix + index.files[0].key, layout.split_table(index.dataset_digest)):
        damage(store, key)
    with pytest.raises(CorruptShard, match=rf"{index.files[0].key}.*rebuild"):
        planned(store, snapshot, options=options)
    again = planned(store, snapshot, options=options, rebuild="manual__1 1")
    assert again.dataset_digest == index.dataset_digest
    finished = (layout.index(index.dataset_digest), layout.parts_prefix(index.dataset_digest))
    assert objects(store, conversion).keys() == {key for key in whole if not key.startswith(finished)}
    later = planned(store, snapshot, options=options, rebuild="manual__1 2")
    assert later.spec != again.spec  # or the first job's result would be taken for this one's
    run(store, asked(again))
    assert objects(store, conversion) == whole
