"""Two small datasets on an S3 in memory: a generated one, and one with everything that is worth a finding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import boto3
import pytest
from archives import member, patients, picture, write_zip
from moto import mock_aws

from idc import layout
from idc.converter.conversion import Conversion, ConversionSettings, dataset_digest
from idc.converter.convert import convert
from idc.converter.index import DatasetIndex, find_index
from idc.ingest.snapshot import ingest
from idc.storage import ObjectStore

SAMPLE = "synthetic://?patients=12&patches=360&seed=5"
SMALL_SHARDS = ConversionSettings(shard_bytes=100_000, quarantine_limit=1)


@dataclass(frozen=True)
class Converted:
    """A dataset and where it is."""

    store: ObjectStore
    index: DatasetIndex

    @property
    def digest(self) -> str:
        return self.index.dataset_digest


@pytest.fixture(scope="module")
def bucket() -> Iterator[ObjectStore]:
    names = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE")
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in names:
            patch.delenv(name, raising=False)
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="a-bucket")
        yield ObjectStore(client, "a-bucket")


def converted(store: ObjectStore, partition: str, settings: ConversionSettings = SMALL_SHARDS) -> Converted:
    digest = dataset_digest(partition, settings, "code", "image")
    archive, output = store.uri(layout.archive(partition)), store.uri(layout.dataset_prefix(digest))
    convert(Conversion(archive, output, digest, partition, settings), store.client)
    index = find_index(store, digest)
    assert index is not None
    return Converted(store, index)


@pytest.fixture(scope="module")
def generated(bucket: ObjectStore) -> Converted:
    """12 patients, 360 patches, in several shards a split."""
    ingest(SAMPLE, "2026-10", bucket)
    return converted(bucket, "2026-10")


@pytest.fixture(scope="module")
def troubled(bucket: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> Converted:
    """12 patients of 10 patches; small, unreadable, doubled and identical images, and a file that is none."""
    path = tmp_path_factory.mktemp("report") / "a.zip"
    twin = picture(9, 9, 9)
    members = {
        **patients(12, 10),
        member(100, 0, 90): picture(7, 7, 7, size=(50, 42)),
        member(101, 0, 91): picture(7, 8, 7, size=(50, 42)),
        member(102, 1, 92): picture(7, 9, 7, size=(13, 50)),
        member(103, 0, 93): b"no image",
        member(104, 0, 94): twin,
        member(105, 0, 95): twin,
        "IDC_regular_ps50_idx5/" + member(100, 0, 0): picture(0, 0, 200),
        "README.txt": b"hello",
    }
    ingest(str(write_zip(path, members)), "2026-11", bucket)
    return converted(bucket, "2026-11")
