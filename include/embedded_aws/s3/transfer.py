"""Copies data between S3 and the directories of jobs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

from embedded_aws.errors import DownloadError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PARALLEL = 8
SMALL_BYTES = 8 * 1024 * 1024
CHUNK_BYTES = 1024 * 1024
UNKNOWN_SIZE = -1
_TRANSFER = TransferConfig(multipart_threshold=64 * 1024 * 1024, max_concurrency=4)


@dataclass(frozen=True)
class Location:
    """A bucket and a key or prefix in it."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, uri: str) -> Location:
        """The parts of an s3:// address.

        Raises:
            DownloadError: it is not one.
        """
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        if not uri.startswith("s3://") or not bucket:
            raise DownloadError(f"S3 address {uri!r}: not of the form s3://bucket/key.")
        return cls(bucket, key.lstrip("/"))

    def below(self, name: str) -> Location:
        """A key below this prefix."""
        return Location(self.bucket, f"{self.key.rstrip('/')}/{name}".lstrip("/"))

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class RemoteFile:
    """An object, and the path it has below its prefix; its size may be UNKNOWN_SIZE."""

    key: str
    size_bytes: int
    path: str


def list_files(s3: S3Client, prefix: Location, may_be_empty: bool = False) -> list[RemoteFile]:
    """The objects whose keys begin with the prefix, in order of their keys.

    Raises:
        DownloadError: there are none though there must be, or S3 refuses.
    """
    try:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=prefix.bucket, Prefix=prefix.key)
        found = [
            RemoteFile(entry["Key"], entry["Size"], relative_path(entry["Key"], prefix.key))
            for page in pages
            for entry in page.get("Contents", [])
            if not entry["Key"].endswith("/")
        ]
    except (BotoCoreError, ClientError) as error:
        raise DownloadError(f"Data download failed: {prefix}: {error}") from error
    if not found and not may_be_empty:
        raise DownloadError(
            f'Data download failed: No S3 objects found under S3 URL "{prefix}" given in input data source. '
            "Please ensure that the bucket exists and that objects exist under that S3 prefix."
        )
    return sorted(found, key=lambda file: file.key)


def relative_path(key: str, prefix: str) -> str:
    """Where an object of a prefix goes: an object named in full by its base name.

    A prefix may end within a name: `data/tr` takes `data/train/a` as `train/a`.
    """
    if key == prefix:
        return key.rpartition("/")[2]
    if prefix and not prefix.endswith("/"):
        prefix = f"{prefix}/" if key.startswith(f"{prefix}/") else prefix.rpartition("/")[0] + "/"
    return key[len(prefix.lstrip("/")) :]


def download(s3: S3Client, bucket: str, files: list[RemoteFile], target: Path) -> None:
    """Fetch objects to their paths below the target, several at a time.

    Raises:
        DownloadError: a path would lie outside, or S3 refuses.
    """
    root = os.path.realpath(target)
    for file in files:
        path = os.path.realpath(target / file.path)
        if os.path.commonpath([root, path]) != root:
            raise DownloadError(f"Data download failed: key {file.key!r} lies outside of {target.name}.")
        os.makedirs(os.path.dirname(path), exist_ok=True)
    try:
        with ThreadPoolExecutor(PARALLEL) as pool:
            for done in [pool.submit(_fetch, s3, bucket, file, target / file.path) for file in files]:
                done.result()
    except OSError as error:
        raise DownloadError(f"Data download failed: {error}") from error


def download_one(s3: S3Client, uri: str, target: Path) -> None:
    """Fetch one object to a file.

    Raises:
        DownloadError: S3 has no such object, or refuses.
    """
    location = Location.parse(uri)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        s3.download_file(location.bucket, location.key, str(target), Config=_TRANSFER)
    except (BotoCoreError, ClientError) as error:
        raise DownloadError(f"Data download failed: {uri}: {error}") from error


def read(s3: S3Client, location: Location, limit_bytes: int) -> bytes:
    """The content of one object.

    Raises:
        DownloadError: S3 has no such object, or refuses, or it is larger than the limit.
    """
    try:
        answer = s3.get_object(Bucket=location.bucket, Key=location.key)
        if answer["ContentLength"] > limit_bytes:
            raise DownloadError(
                f"Data download failed: {location}: {answer['ContentLength']} bytes, "
                f"expected at most {limit_bytes}."
            )
        return answer["Body"].read()
    except (BotoCoreError, ClientError) as error:
        raise DownloadError(f"Data download failed: {location}: {error}") from error


def upload(s3: S3Client, file: Path, location: Location) -> None:
    """Store one file."""
    s3.upload_file(str(file), location.bucket, location.key, Config=_TRANSFER)


def upload_tree(s3: S3Client, directory: Path, prefix: Location) -> int:
    """Store every file below the directory under the prefix; how many there were."""
    files = list(files_below(directory))
    with ThreadPoolExecutor(PARALLEL) as pool:
        jobs = [pool.submit(upload, s3, file, prefix.below(name)) for name, file in files]
        for done in jobs:
            done.result()
    return len(files)


def files_below(directory: Path) -> Iterator[tuple[str, Path]]:
    """The regular files of a tree with their relative names; links are not followed, not even at its top."""
    if directory.is_symlink():
        return
    for path in sorted(directory.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(directory).as_posix(), path


def _fetch(s3: S3Client, bucket: str, file: RemoteFile, path: Path) -> None:
    try:
        if file.size_bytes > SMALL_BYTES:
            s3.download_file(bucket, file.key, str(path), Config=_TRANSFER)
            return
        body = s3.get_object(Bucket=bucket, Key=file.key)["Body"]
        with path.open("wb") as out:
            for chunk in body.iter_chunks(CHUNK_BYTES):
                out.write(chunk)
    except (BotoCoreError, ClientError) as error:
        raise DownloadError(f"Data download failed: {Location(bucket, file.key)}: {error}") from error
