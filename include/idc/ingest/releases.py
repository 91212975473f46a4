"""Versions of Kaggle's data sets: named by `kaggle://owner/name?version=4`, pinned, and fetched once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from idc import layout
from idc.converter.manifest import Manifest, find_manifest
from idc.errors import ConfigurationError, SnapshotConflict
from idc.ingest.transfer import find_note
from idc.ingest.web import WebSource
from idc.storage import ObjectStore, translated

if TYPE_CHECKING:
    import requests

SCHEME = "kaggle://"
_URI = re.compile(r"kaggle://([A-Za-z0-9-]{1,64}/[A-Za-z0-9-]{1,128})(?:\?version=([1-9][0-9]{0,8}))?")


class Kaggle(Protocol):
    """The operations on Kaggle that ingest needs; the caller passes a client."""

    def current_version(self, dataset: str) -> int:
        """Return the newest version of `owner/name`."""

    def fetch(self, dataset: str, version: int, headers: Mapping[str, str]) -> requests.Response:
        """Return the answer to a request for a version's archive, with headers of our own."""


@dataclass(frozen=True)
class Release:
    """One version of a data set; the version is None until one is chosen."""

    dataset: str
    version: int | None

    @property
    def source(self) -> str:
        """The data set's address, whatever the version."""
        return SCHEME + self.dataset

    @property
    def uri(self) -> str:
        """The address with the version, if there is one."""
        return f"{self.source}?version={self.version}" if self.version else self.source

    def open(self, kaggle: Kaggle) -> WebSource:
        """Return the release's archive."""
        assert self.version is not None, "pin it first"
        return WebSource(self.source, partial(kaggle.fetch, self.dataset, self.version), self.version)


def is_release(uri: str) -> bool:
    """Return whether a URI names a data set of Kaggle."""
    return uri.startswith(SCHEME)


def parse_release(uri: str) -> Release:
    """Return the release a URI names.

    Raises:
        ConfigurationError: it is no such URI.
    """
    found = _URI.fullmatch(uri)
    if found is None:
        expected = "kaggle://owner/name or kaggle://owner/name?version=4"
        raise ConfigurationError("source", repr(uri), "not a data set of Kaggle", expected, "Correct it.")
    return Release(found[1], int(found[2]) if found[2] else None)


def pin(release: Release, partition: str, store: ObjectStore, kaggle: Kaggle) -> Release:
    """Return the release with the version this partition has or, if it has none, the newest.

    Raises:
        SnapshotConflict: another version is asked for than the partition holds.
    """
    manifest, note = find_manifest(store, partition), find_note(store, partition)
    held = manifest or note
    if held is None or held.source != release.source or held.version is None:
        version = release.version or kaggle.current_version(release.dataset)
        return Release(release.dataset, version)
    if manifest is not None and release.version not in (None, held.version):
        observed, expected = f"version {release.version} was asked for", f"{held.version}, which it holds"
        action = "A snapshot never changes: choose another partition for another version."
        raise SnapshotConflict("snapshot", partition, observed, expected, action)
    return Release(release.dataset, release.version or held.version)


def find_holder(release: Release, store: ObjectStore) -> Manifest | None:
    """Return the manifest of a complete snapshot of this release, or None."""
    pages = store.client.get_paginator("list_objects_v2")
    with translated("list", store.uri(layout.SNAPSHOTS)):
        found = [
            entry["Prefix"][len(layout.SNAPSHOTS) : -1]
            for page in pages.paginate(Bucket=store.bucket, Prefix=layout.SNAPSHOTS, Delimiter="/")
            for entry in page.get("CommonPrefixes", [])
        ]
    for partition in found:
        manifest = find_manifest(store, partition)
        if manifest is None or (manifest.source, manifest.version) != (release.source, release.version):
            continue
        head = store.head(layout.archive(partition))
        if head is not None and head.size_bytes == manifest.size_bytes:
            return manifest
    return None


def copy_archive(store: ObjectStore, holder: Manifest, partition: str) -> None:
    """Copy a snapshot's archive inside S3, in parts where it is large.

    Raises:
        StorageError: S3 did not do it.
    """
    origin = layout.archive(holder.partition)
    with translated("copy", store.uri(origin)):
        store.client.copy({"Bucket": store.bucket, "Key": origin}, store.bucket, layout.archive(partition))
