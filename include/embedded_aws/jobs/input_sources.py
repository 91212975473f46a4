"""Lists what a channel reads: objects of a prefix or manifest, or lines of an augmented manifest.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from embedded_aws.errors import DownloadError
from embedded_aws.s3 import transfer
from embedded_aws.s3.transfer import Location, RemoteFile

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

S3_PREFIX, MANIFEST, AUGMENTED = "S3Prefix", "ManifestFile", "AugmentedManifestFile"
SHARDED = "ShardedByS3Key"
REFERENCE_SUFFIX = "-ref"
LARGEST_MANIFEST_BYTES = 1024**3
LONGEST_LINE_BYTES = 100_000

T = TypeVar("T")
Piece = Location | bytes


@dataclass(frozen=True)
class Share:
    """Which of the instances that read a channel this one is, counted from 0, and how many they are."""

    number: int = 0
    count: int = 1


@dataclass(frozen=True)
class Source:
    """Where a channel's data is, and how it is divided and ordered."""

    location: Location
    data_type: str = S3_PREFIX
    is_sharded: bool = False
    attributes: tuple[str, ...] = ()
    seed: int | None = None

    def of_epoch(self, entries: Sequence[T], epoch: int, share: Share) -> list[T]:
        """What one instance reads in one epoch: shuffled anew if so asked, then every n-th if sharded."""
        order = list(entries)
        if self.seed is not None:
            random.Random(f"{self.seed}/{epoch}").shuffle(order)
        return order[share.number :: share.count] if self.is_sharded else order


def objects(s3: S3Client, source: Source) -> tuple[str, list[RemoteFile]]:
    """The bucket and the objects of a prefix or a manifest, in their order.

    Raises:
        DownloadError: there are none, or the manifest is not as it must be.
    """
    if source.data_type == S3_PREFIX:
        return source.location.bucket, transfer.list_files(s3, source.location)
    prefix, names = _manifest(s3, source.location)
    return prefix.bucket, [RemoteFile(prefix.key + name, transfer.UNKNOWN_SIZE, name) for name in names]


def pieces(s3: S3Client, source: Source) -> list[tuple[Piece, ...]]:
    """What a pipe is fed with, one tuple an entry: an object, or a line's attributes in order.

    Raises:
        DownloadError: there is nothing, or a manifest is not as it must be.
    """
    if source.data_type == AUGMENTED:
        return _augmented(s3, source)
    bucket, files = objects(s3, source)
    return [(Location(bucket, file.key),) for file in files]


def _manifest(s3: S3Client, location: Location) -> tuple[Location, list[str]]:
    """The prefix of a manifest and the names below it."""
    try:
        first, *names = json.loads(transfer.read(s3, location, LARGEST_MANIFEST_BYTES))
        prefix = Location.parse(first["prefix"])
    except (ValueError, TypeError, KeyError) as error:
        raise _refused(location, f"{error!r}", 'a list of {"prefix": "s3://…"} and names') from error
    if not names or not all(isinstance(name, str) and name for name in names):
        raise _refused(location, f"{len(names)} entries", "the names of objects after the prefix")
    return prefix, names


def _augmented(s3: S3Client, source: Source) -> list[tuple[Piece, ...]]:
    """The lines of an augmented manifest: of each, the attributes asked for, in the order asked."""
    lines = transfer.read(s3, source.location, LARGEST_MANIFEST_BYTES).splitlines()
    found = [
        tuple(_piece(source, number, _parsed(source, number, line), name) for name in source.attributes)
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]
    if not found:
        raise _refused(source.location, "no lines", "one JSON object a line")
    return found


def _parsed(source: Source, number: int, line: bytes) -> dict[str, Any]:
    try:
        values = json.loads(line) if len(line) <= LONGEST_LINE_BYTES else None
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise _refused(
            source.location, f"line {number}", f"a JSON object of at most {LONGEST_LINE_BYTES} bytes"
        )
    return values


def _piece(source: Source, number: int, values: dict[str, Any], name: str) -> Piece:
    """An attribute's value as it is streamed: the object a -ref names, or the value's text."""
    if name not in values:
        raise _refused(source.location, f"line {number} without {name}", "every attribute of AttributeNames")
    value = values[name]
    if name.endswith(REFERENCE_SUFFIX):
        return Location.parse(str(value))
    return (value if isinstance(value, str) else json.dumps(value)).encode()


def _refused(location: Location, observed: str, expected: str) -> DownloadError:
    return DownloadError(f"Data download failed: manifest {location}: {observed}, expected {expected}.")
