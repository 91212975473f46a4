"""What training channels read instead of a prefix: manifests of the `.rec` files, lists of the raw images."""

from __future__ import annotations

import json
from typing import Dict, List, Protocol, Sequence

from idc.converter import keys
from idc.converter.entries import ShardEntry
from idc.converter.records import raw, recordio
from idc.converter.storage import ObjectStore
from idc.converter.verification import DatasetReader


class Described(Protocol):
    """A dataset's digest, shards, and raw formats, whether published or not."""

    @property
    def dataset_digest(self) -> str:
        """The dataset's name."""

    @property
    def shards(self) -> List[ShardEntry]:
        """All shards."""

    @property
    def raw_formats(self) -> Sequence[str]:
        """The formats beside those every dataset has."""


def channel_files(store: ObjectStore, reader: DatasetReader, dataset: Described) -> Dict[str, bytes]:
    """Return the content of every such file of a dataset by its key below the dataset's prefix.

    Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html
    """
    digest = dataset.dataset_digest
    whole: Dict[str, bytes] = {}
    for split in keys.SPLITS:
        shards = [shard for shard in dataset.shards if shard.split == split]
        whole[keys.channel_manifest(digest, split)] = _manifest(store, digest, split, shards)
        if dataset.raw_formats:
            rows = [row for shard in shards for row in _rows(reader, shard)]
            images = store.uri(keys.split_prefix(digest, split, keys.IMAGE))
            if keys.IMAGE in dataset.raw_formats:
                whole[keys.image_list(digest, split)] = raw.image_list(rows)
            if keys.AUGMENTED in dataset.raw_formats:
                key = keys.channel_manifest(digest, split, keys.AUGMENTED)
                whole[key] = raw.augmented_manifest(rows, images)
    start = len(keys.dataset_prefix(digest))
    return {key[start:]: content for key, content in whole.items()}


def _manifest(store: ObjectStore, digest: str, split: str, shards: Sequence[ShardEntry]) -> bytes:
    prefix = keys.split_prefix(digest, split)
    names = [shard.key.rpartition("/")[2] for shard in shards]
    return json.dumps([{"prefix": store.uri(prefix)}, *names], indent=1).encode()


def _rows(reader: DatasetReader, shard: ShardEntry) -> List[raw.Row]:
    key = keys.shard(shard.split, shard.number) + recordio.NAMES
    return raw.read_rows({recordio.NAMES: reader.read(key)}, key)
