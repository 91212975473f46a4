"""The stage archive → snapshot."""

from __future__ import annotations

from typing import Any

from idc.dataset.snapshot import ingest
from idc.dataset.storage import ObjectStore
from idc.errors import ConfigurationError


def run(store: ObjectStore, *, partition: str, archive: str | None) -> dict[str, Any]:
    """Ingest the archive as the partition's snapshot, or find it there; return what the manifest counts.

    Raises:
        ConfigurationError: there is no archive to ingest.
        SnapshotConflict: the partition holds another archive.
        InputError: the archive is not one this pipeline takes.
    """
    if not archive:
        action = "Name one in the trigger form, or set HISTOFLOW_ARCHIVE for scheduled runs."
        raise ConfigurationError("archive", f"of {partition}", "none", "a path or a URI", action)
    manifest = ingest(archive, partition, store)
    return {
        "sha256": manifest.sha256,
        "source": manifest.source,
        "synthetic": manifest.synthetic,
        "patients": manifest.patients,
        "patches": manifest.patches,
        "refused": manifest.refused_count,
        "is_reused": manifest.is_reused,
    }
