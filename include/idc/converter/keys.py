"""S3 keys of a snapshot and of a dataset, as pure functions; prefixes end with a slash.

`idc.layout` has them too, beside the keys of the other stages.
"""

from __future__ import annotations

import re
from typing import Tuple

from idc.converter.errors import ConfigurationError

SNAPSHOTS = "snapshots/"
SPLITS = ("train", "validation", "test")
FORMATS = RECORDIO, TFRECORD, PAYLOAD = "recordio", "tfrecord", "payload"
RAW_FORMATS = IMAGE, AUGMENTED = "image", "augmented"
PAYLOAD_SPLITS = ("validation", "test")

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def snapshot_prefix(partition: str) -> str:
    """Return the prefix of one partition's snapshot."""
    return f"{SNAPSHOTS}{checked_name('partition', partition)}/"


def archive(partition: str) -> str:
    """Return the key of a snapshot's archive, one object as it came."""
    return f"{snapshot_prefix(partition)}archive.zip"


def manifest(partition: str) -> str:
    """Return the key of a snapshot's manifest; without it the snapshot does not exist."""
    return f"{snapshot_prefix(partition)}manifest.json"


def dataset_prefix(dataset_digest: str) -> str:
    """Return the prefix of one dataset."""
    return f"datasets/{checked_digest('dataset digest', dataset_digest)}/"


def split_prefix(dataset_digest: str, split: str, record_format: str = RECORDIO) -> str:
    """Return the prefix of one split's shards, what a training channel reads."""
    return f"{dataset_prefix(dataset_digest)}{record_format}/{_split(split)}/"


def shard(split: str, number: int, record_format: str = RECORDIO) -> str:
    """Return a shard's key below its dataset's prefix, without a suffix."""
    return f"{record_format}/{_split(split)}/part-{number:05d}"


def image(split: str, patch: str) -> str:
    """Return the key of one patch's image file below its dataset's prefix."""
    return f"{IMAGE}/{_split(split)}/{checked_name('patch', patch)}"


def image_list(dataset_digest: str, split: str) -> str:
    """Return the key of the list of one split's image files."""
    return f"{dataset_prefix(dataset_digest)}{IMAGE}/{_split(split)}.lst"


def channel_manifest(dataset_digest: str, split: str, record_format: str = RECORDIO) -> str:
    """Return the key of what a channel reads instead of a prefix, so that it gets records and nothing else.

    A ManifestFile of the `.rec` files, or for `augmented` an AugmentedManifestFile of the image files.
    """
    if record_format == AUGMENTED:
        return f"{dataset_prefix(dataset_digest)}{IMAGE}/{_split(split)}.augmented.manifest"
    return f"{dataset_prefix(dataset_digest)}{record_format}/{_split(split)}.manifest"


def parts_prefix(dataset_digest: str) -> str:
    """Return the prefix of the reports of shards that are finished."""
    return f"{dataset_prefix(dataset_digest)}parts/"


def part(dataset_digest: str, split: str, number: int) -> str:
    """Return the key of the report of one finished shard."""
    return f"{parts_prefix(dataset_digest)}{_split(split)}/part-{number:05d}.json"


def given_split(sha256: str) -> str:
    """Return the key of a split somebody gave, by its content."""
    return f"splits/{checked_digest('split digest', sha256)}.csv"


def split_table(dataset_digest: str) -> str:
    """Return the key of the table of patients and their splits."""
    return f"{dataset_prefix(dataset_digest)}split.csv"


def quality(dataset_digest: str) -> str:
    """Return the key of a dataset's quality findings."""
    return f"{dataset_prefix(dataset_digest)}quality.json"


def index(dataset_digest: str) -> str:
    """Return the key of a dataset's index; without it the dataset does not exist."""
    return f"{dataset_prefix(dataset_digest)}index.json"


def uri(bucket: str, key: str) -> str:
    """Return `s3://bucket/key`."""
    return f"s3://{bucket}/{key}"


def parse_uri(address: str) -> Tuple[str, str]:
    """Return the bucket and key of an `s3://bucket/key` address; the key may be empty.

    Raises:
        ConfigurationError: it is no such address.
    """
    bucket, _, key = address[len("s3://") :].partition("/")
    if not address.startswith("s3://") or not bucket:
        raise ConfigurationError("S3 address", repr(address), "not one", "s3://bucket/key", "Correct it.")
    return bucket, key


def checked_name(what: str, value: str) -> str:
    """Return a name that may be part of a key.

    Raises:
        ConfigurationError: it may not.
    """
    if not _NAME.fullmatch(value) or ".." in value:
        rule = "at most 128 letters, digits, dots, dashes and underscores, no two dots in a row"
        raise ConfigurationError(what, repr(value), "not a name", rule, "Choose another.")
    return value


def checked_digest(what: str, value: str) -> str:
    """Return a SHA-256 that may be part of a key.

    Raises:
        ConfigurationError: it is none.
    """
    if not _DIGEST.fullmatch(value):
        raise ConfigurationError(what, repr(value), "not a digest", "64 hexadecimal digits", "Use a SHA-256.")
    return value


def _split(value: str) -> str:
    if value not in SPLITS:
        raise ConfigurationError(
            "split", repr(value), "unknown", f"one of {', '.join(SPLITS)}", "Correct it."
        )
    return value
