"""Reading a dataset back: hashes, counts, labels, whole images, and the same patches in every format."""

from __future__ import annotations

import hashlib
from typing import Dict, Mapping, Sequence

from idc.converter import keys
from idc.converter.entries import FileEntry, ShardEntry
from idc.converter.errors import CorruptShard, MissingObject
from idc.converter.images import PatchRefused, check_pixels
from idc.converter.records import parity, recordio, tfrecord
from idc.converter.storage import ObjectStore

_AGAIN = "Run idc_convert for the partition with `rebuild`."


class DatasetReader:
    """Reads files of one dataset, each against its entry."""

    def __init__(self, store: ObjectStore, dataset_digest: str, files: Sequence[FileEntry]) -> None:
        """Read from `store` what `files` lists."""
        self._store, self._prefix = store, keys.dataset_prefix(dataset_digest)
        self._entries: Dict[str, FileEntry] = {entry.key: entry for entry in files}

    def read(self, key: str) -> bytes:
        """Return a file's bytes.

        Raises:
            CorruptShard: it is missing, not listed, or not what its entry says.
        """
        entry = self._entries.get(key)
        if entry is None:
            raise corrupt(key, "not in the index", "an entry with its SHA-256")
        try:
            content = self._store.get(self._prefix + key)
        except MissingObject as error:
            raise corrupt(key, "not there", f"{entry.size_bytes} bytes") from error
        observed = f"{len(content)} bytes with SHA-256 {hashlib.sha256(content).hexdigest()}"
        expected = f"{entry.size_bytes} bytes with SHA-256 {entry.sha256}"
        if observed != expected:
            raise corrupt(key, observed, expected)
        return content


def verify_shard(reader: DatasetReader, shard: ShardEntry, raw_formats: Sequence[str]) -> None:
    """Read a shard back in every format and check each file, and the formats against each other.

    Raises:
        CorruptShard: names the file and what differs.
    """
    for name, reason in find_damaged(reader, shard, raw_formats).items():
        raise corrupt(shard.key, f"{name}, which {reason}", "whole images of 50×50")


def find_damaged(reader: DatasetReader, shard: ShardEntry, raw_formats: Sequence[str]) -> Dict[str, str]:
    """Read a shard back as `verify_shard` does; return the patches that are no whole images, and why.

    Raises:
        CorruptShard: names the file and what differs.
    """
    split, number = shard.split, shard.number
    stem = keys.shard(split, number)
    files = {suffix: reader.read(stem + suffix) for suffix in recordio.SUFFIXES}
    recordio.verify(files, shard.key, shard.records)
    key = keys.shard(split, number, keys.TFRECORD) + tfrecord.EXAMPLES
    parity.check_tfrecord(files, {tfrecord.EXAMPLES: reader.read(key)}, key)
    if split in keys.PAYLOAD_SPLITS:
        key = keys.shard(split, number, keys.PAYLOAD) + recordio.RECORDS
        parity.check_payload(files, {recordio.RECORDS: reader.read(key)}, key)
    if raw_formats:
        for patch in parity.read_patches(files, shard.key):
            key = keys.image(split, str(patch.name))
            if reader.read(key) != patch.image:
                raise corrupt(key, "another image", f"the one of {shard.key}")
    return _damaged(files, shard.key)


def corrupt(key: str, observed: str, expected: str) -> CorruptShard:
    """Return the error for a file of a dataset that is not what the index says."""
    return CorruptShard("dataset file", key, observed, expected, _AGAIN)


def _damaged(files: Mapping[str, bytes], name: str) -> Dict[str, str]:
    """Unpack the pixels of every image."""
    found = {}
    for patch in parity.read_patches(files, name):
        try:
            check_pixels(patch.image)
        except PatchRefused as refusal:
            found[str(patch.name)] = str(refusal)
    return found
