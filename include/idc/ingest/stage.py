"""The stage archive → snapshot."""

from __future__ import annotations

from typing import Any

from idc import layout
from idc.converter.given_split import store_split
from idc.errors import ConfigurationError
from idc.ingest.growth import of_partition
from idc.ingest.http_responses import address
from idc.ingest.releases import Kaggle, Release, is_release, parse_release
from idc.ingest.snapshot import ingest
from idc.ingest.sources import open_source
from idc.storage import ObjectStore

BREAST_HISTOPATHOLOGY = "kaggle://paultimothymooney/breast-histopathology-images"


def choose(archive: str | None, version: int | None, *, has_kaggle: bool) -> str:
    """Return the archive's URI: the one asked for or, where Kaggle can be asked, Kaggle's.

    Raises:
        ConfigurationError: there is no archive to ingest, or it has no versions.
    """
    if not archive and not has_kaggle:
        action = "Name one in the trigger form, set HISTOFLOW_ARCHIVE or add the connection kaggle_default."
        raise ConfigurationError("archive", "of this run", "none", "a path or a URI", action)
    uri = archive or BREAST_HISTOPATHOLOGY
    release = parse_release(uri) if is_release(uri) else None
    if version is None:
        return uri
    if release is None or release.version not in (None, version):
        action = "Leave the version empty, or name a data set of Kaggle without one."
        raise ConfigurationError("version", version, f"asked of {uri}", "a data set of Kaggle", action)
    return Release(release.dataset, version).uri


def keep_split(store: ObjectStore, split: str | None) -> str | None:
    """Keep the split that an address gives, so that a signed one is not handed on; return where it is kept.

    Raises:
        ConfigurationError, LeakageError: it is no split.
        MissingObject: there is nothing at that address.
    """
    if not split:
        return None
    digest = store_split(open_source(split, store).blocks(), address(split), store)
    return store.uri(layout.given_split(digest))


def run(store: ObjectStore, *, partition: str, archive: str, kaggle: Kaggle | None = None) -> dict[str, Any]:
    """Ingest the archive as the partition's snapshot, or find it there; return what the manifest counts.

    A generated sample that grows is taken as it is in the month of the partition.

    Raises:
        SnapshotConflict: the partition holds another archive.
        InputError: the archive is not one this pipeline takes.
    """
    manifest = ingest(of_partition(archive, partition), partition, store, kaggle=kaggle)
    return {
        "sha256": manifest.sha256,
        "source": manifest.source,
        "version": manifest.version,
        "synthetic": manifest.synthetic,
        "patients": manifest.patients,
        "patches": manifest.patches,
        "refused": manifest.refused_count,
        "is_reused": manifest.is_reused,
    }
