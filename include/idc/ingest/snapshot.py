"""Ingest: one archive becomes one partition's snapshot in S3, never changed afterwards."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging

from idc import layout
from idc.converter.archive import Limits
from idc.converter.catalog import Catalog
from idc.converter.cataloguing import read_catalog
from idc.converter.manifest import Manifest, find_manifest
from idc.converter.ranges import ObjectRanges
from idc.errors import ConfigurationError, PermanentError, SnapshotConflict
from idc.ingest.progress import reported
from idc.ingest.releases import Kaggle, copy_archive, find_holder, is_release, parse_release, pin
from idc.ingest.sources import Source, open_source
from idc.ingest.transfer import forget, is_there, transfer
from idc.ingest.upload import Uploaded, abort_leftovers
from idc.storage import ObjectStore

log = logging.getLogger(__name__)


def ingest(
    source_uri: str,
    partition: str,
    store: ObjectStore,
    limits: Limits | None = None,
    kaggle: Kaggle | None = None,
) -> Manifest:
    """Stream an archive into a partition's snapshot and return its manifest.

    A snapshot of the same bytes is returned with `is_reused` set. When the archive is refused nothing is left
    behind; when the transfer fails its parts stay, and the next run goes on with them.

    Raises:
        SnapshotConflict: the partition holds another archive.
        UnsafeArchive, CorruptArchive, InvalidPatchName, InputError: as the archive is.
        ServiceError, StorageError: reading or writing failed; a retry goes on where this run stopped.
    """
    limits = limits or Limits()
    present = find_manifest(store, partition)
    if is_release(source_uri):
        return _ingest_release(source_uri, partition, store, limits, kaggle)
    source = open_source(source_uri, store)
    if present is None:
        return _take_in(source, partition, store, limits)
    _check_same(source, present, store)
    return _reuse(source, present, store)


def point_to_dataset(store: ObjectStore, partition: str, dataset_digest: str) -> None:
    """Record the dataset last made of a snapshot."""
    store.put(layout.dataset_pointer(partition), json.dumps({"dataset_digest": dataset_digest}).encode())


def find_dataset(store: ObjectStore, partition: str) -> str | None:
    """Return the digest of the dataset last made of a snapshot, None if there is none."""
    content = store.find(layout.dataset_pointer(partition))
    return None if content is None else str(json.loads(content)["dataset_digest"])


def _ingest_release(
    uri: str, partition: str, store: ObjectStore, limits: Limits, kaggle: Kaggle | None
) -> Manifest:
    """Ingest a version of a data set: pinned by the partition, and fetched only if no snapshot holds it."""
    if kaggle is None:
        raise ConfigurationError("source", uri, "no way to Kaggle", "one", "Run idc_ingest in Airflow.")
    release = pin(parse_release(uri), partition, store, kaggle)
    log.info("snapshot %s: version %s of %s", partition, release.version, release.source)
    present = find_manifest(store, partition)
    if present is None:
        holder = find_holder(release, store)
        if holder is not None:
            return _copy(holder, partition, store)
        return _take_in(release.open(kaggle), partition, store, limits)
    is_same = (present.source, present.version) == (release.source, release.version)
    if is_same and store.head(layout.archive(partition)) is not None:
        log.info("snapshot %s is reused: it holds this version", partition)
        return dataclasses.replace(present, is_reused=True)
    source = release.open(kaggle)
    if not is_same:
        _check_same(source, present, store)
    return _reuse(source, present, store)


def _reuse(source: Source, present: Manifest, store: ObjectStore) -> Manifest:
    """Return the manifest of a snapshot that is there, its archive too even if it was lost."""
    partition = present.partition
    if store.head(layout.archive(partition)) is None:
        log.warning("snapshot %s has lost its archive; writing the same bytes again", partition)
        if transfer(store, partition, source).sha256 != present.sha256:
            store.delete(layout.archive(partition))
            raise _conflict(source, present, "other bytes than before")
    forget(store, partition)
    log.info("snapshot %s is reused: the same %d bytes", partition, present.size_bytes)
    return dataclasses.replace(present, is_reused=True)


def _check_same(source: Source, present: Manifest, store: ObjectStore) -> None:
    """Compare the source with the snapshot: by what names its bytes, else by the hash of all of them."""
    if is_there(store, layout.archive(present.partition), source):
        return
    log.info("snapshot %s exists; comparing it with %s", present.partition, source.name)
    digest = hashlib.sha256()
    for block in reported(source.blocks(), source.size_bytes, "compared"):
        digest.update(block)
    if digest.hexdigest() != present.sha256:
        raise _conflict(source, present, f"SHA-256 {digest.hexdigest()}")


def _conflict(source: Source, present: Manifest, observed: str) -> SnapshotConflict:
    expected = f"{present.sha256}, ingested from {present.source}"
    action = "A snapshot never changes: choose another partition, or delete this one and all made of it."
    return SnapshotConflict("snapshot", present.partition, f"{source.name} has {observed}", expected, action)


def _take_in(source: Source, partition: str, store: ObjectStore, limits: Limits) -> Manifest:
    key = layout.archive(partition)
    log.info("ingesting %s to %s", source.name, store.uri(key))
    try:
        uploaded = transfer(store, partition, source)
        catalog = read_catalog(ObjectRanges(store, key), limits)
        manifest = _publish(_manifest_of(partition, source, uploaded, catalog), store)
    except BaseException as error:
        is_refused = isinstance(error, PermanentError) or source.identity is None
        if is_refused and find_manifest(store, partition) is None:
            store.delete(key)
            forget(store, partition)
        raise
    forget(store, partition)
    return manifest


def _copy(holder: Manifest, partition: str, store: ObjectStore) -> Manifest:
    log.info("snapshot %s holds it already; copying it inside S3", holder.partition)
    abort_leftovers(store, layout.archive(partition))
    copy_archive(store, holder, partition)
    manifest = _publish(dataclasses.replace(holder, partition=partition), store)
    forget(store, partition)
    return manifest


def _publish(manifest: Manifest, store: ObjectStore) -> Manifest:
    """Write the manifest, or accept the one another run wrote meanwhile if it tells of the same bytes."""
    if store.put_new(layout.manifest(manifest.partition), manifest.to_json()):
        counts = manifest.patients, manifest.patches, manifest.refused_count
        log.info("snapshot %s: %d patients, %s patches, %d refused", manifest.partition, *counts)
        return manifest
    other = find_manifest(store, manifest.partition)
    if other is None or other.sha256 != manifest.sha256:
        observed = "another run ingested another archive at the same time"
        action = "Delete the partition's snapshot and ingest once."
        raise SnapshotConflict("snapshot", manifest.partition, observed, manifest.sha256, action)
    return dataclasses.replace(other, is_reused=True)


def _manifest_of(partition: str, source: Source, uploaded: Uploaded, catalog: Catalog) -> Manifest:
    """Return the manifest of an archive that has been uploaded and walked."""
    counts = list(catalog.counts().values())
    return Manifest(
        partition=partition,
        source=source.name,
        version=source.version,
        synthetic=source.is_synthetic,
        sha256=uploaded.sha256,
        size_bytes=uploaded.size_bytes,
        patients=len(counts),
        patches={"0": sum(zero for zero, _ in counts), "1": sum(one for _, one in counts)},
        doubled_members=catalog.doubled,
        refused_count=catalog.refused_count,
        refused=catalog.refused,
    )
