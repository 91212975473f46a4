"""Ingest: one archive becomes one partition's snapshot in S3, never changed afterwards."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import time
from typing import Iterable, Iterator, Optional

from idc import layout
from idc.dataset.archive import Limits
from idc.dataset.cataloguing import read_catalog
from idc.dataset.manifest import Manifest, find_manifest
from idc.dataset.ranges import ObjectRanges
from idc.dataset.sources import Source, open_source
from idc.dataset.storage import ObjectStore
from idc.dataset.upload import Uploaded, upload
from idc.errors import SnapshotConflict, UnsafeArchive

LARGEST_ARCHIVE_BYTES = 64 << 30
_REPORT_EVERY_S = 5.0

log = logging.getLogger(__name__)


def ingest(source_uri: str, partition: str, store: ObjectStore, limits: Optional[Limits] = None) -> Manifest:
    """Stream an archive into a partition's snapshot and return its manifest.

    A snapshot of the same bytes is returned with `is_reused` set. On failure nothing is left behind.

    Raises:
        SnapshotConflict: the partition holds another archive.
        UnsafeArchive, CorruptArchive, InvalidPatchName, InputError: as the archive is.
        StorageError: reading or writing failed; a retry starts over.
    """
    source = open_source(source_uri, store)
    present = find_manifest(store, partition)
    if present is None:
        return _take_in(source, source_uri, partition, store, limits or Limits())
    _check_same(source, source_uri, present)
    if store.head(layout.archive(partition)) is None:
        log.warning("snapshot %s has lost its archive; writing the same bytes again", partition)
        upload(store, layout.archive(partition), source.blocks())
    log.info("snapshot %s is reused: the same %d bytes", partition, present.size_bytes)
    return dataclasses.replace(present, is_reused=True)


def point_to_dataset(store: ObjectStore, partition: str, dataset_digest: str) -> None:
    """Record the dataset last made of a snapshot."""
    store.put(layout.dataset_pointer(partition), json.dumps({"dataset_digest": dataset_digest}).encode())


def find_dataset(store: ObjectStore, partition: str) -> Optional[str]:
    """Return the digest of the dataset last made of a snapshot, None if there is none."""
    content = store.find(layout.dataset_pointer(partition))
    return None if content is None else str(json.loads(content)["dataset_digest"])


def _check_same(source: Source, source_uri: str, present: Manifest) -> None:
    """Compare the source with the snapshot by their hashes alone."""
    log.info("snapshot %s exists; comparing it with %s", present.partition, source_uri)
    digest = hashlib.sha256()
    for block in _counted(source.blocks(), source.size_bytes, "compared"):
        digest.update(block)
    if digest.hexdigest() != present.sha256:
        observed = f"{source_uri} has SHA-256 {digest.hexdigest()}"
        expected = f"{present.sha256}, ingested from {present.source}"
        action = "A snapshot never changes: choose another partition, or delete this one and all made of it."
        raise SnapshotConflict("snapshot", present.partition, observed, expected, action)


def _take_in(source: Source, source_uri: str, partition: str, store: ObjectStore, limits: Limits) -> Manifest:
    key = layout.archive(partition)
    log.info("ingesting %s to %s", source_uri, store.uri(key))
    uploaded = upload(store, key, _counted(source.blocks(), source.size_bytes, "uploaded"))
    try:
        manifest = _describe(source, source_uri, partition, store, uploaded, limits)
        if not store.put_new(layout.manifest(partition), manifest.to_json()):
            return _adopt(store, manifest)
    except BaseException:
        if find_manifest(store, partition) is None:
            store.delete(key)
        raise
    log.info("snapshot %s: %d patients, %s patches", partition, manifest.patients, manifest.patches)
    return manifest


def _describe(
    source: Source, source_uri: str, partition: str, store: ObjectStore, uploaded: Uploaded, limits: Limits
) -> Manifest:
    """Walk the archive where it now lies."""
    catalog = read_catalog(ObjectRanges(store, layout.archive(partition)), limits)
    return Manifest.of(partition, source_uri, source.is_synthetic, uploaded, catalog)


def _adopt(store: ObjectStore, manifest: Manifest) -> Manifest:
    """Accept the manifest another run wrote meanwhile if it tells of the same bytes."""
    other = find_manifest(store, manifest.partition)
    if other is None or other.sha256 != manifest.sha256:
        observed = "another run ingested another archive at the same time"
        action = "Delete the partition's snapshot and ingest once."
        raise SnapshotConflict("snapshot", manifest.partition, observed, manifest.sha256, action)
    return dataclasses.replace(other, is_reused=True)


def _counted(blocks: Iterable[bytes], size_bytes: Optional[int], verb: str) -> Iterator[bytes]:
    """Pass blocks on, with a line in the log every few seconds and at the end.

    Raises:
        UnsafeArchive: there are more bytes than any archive may have.
    """
    started = reported = time.monotonic()
    done = 0
    for block in blocks:
        done += len(block)
        if done > LARGEST_ARCHIVE_BYTES:
            observed, expected = f"{done} bytes so far", f"at most {LARGEST_ARCHIVE_BYTES}"
            raise UnsafeArchive("archive", "stream", observed, expected, "Do not use this archive.")
        yield block
        now = time.monotonic()
        if now - reported >= _REPORT_EVERY_S:
            reported = now
            log.info("%s %s", verb, _progress(done, size_bytes, now - started))
    log.info("%s %s", verb, _progress(done, size_bytes, time.monotonic() - started))


def _progress(done: int, size_bytes: Optional[int], seconds: float) -> str:
    of = f" of {size_bytes / 1e6:,.1f}" if size_bytes else ""
    return f"{done / 1e6:,.1f}{of} MB, {done / 1e6 / max(seconds, 1e-9):,.1f} MB/s"
