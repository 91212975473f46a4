"""Chooses the archive and the partition of a demo, and says why."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from idc import layout
from stack.clients import Clients
from stack.errors import DemoFailed

# Small enough to run in a few minutes on two cores, large enough that the scores mean something.
GENERATED = "synthetic://?patients=24&patches=4800&seed=7"
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True)
class Archive:
    """What is ingested: its address, and the digest of its bytes where it is a local file."""

    uri: str
    sha256: str | None = None

    def is_held_by(self, manifest: Mapping[str, Any]) -> bool:
        """Tell whether a snapshot's manifest describes this archive."""
        if self.sha256:
            return bool(manifest["archive"]["sha256"] == self.sha256)
        source = manifest["source"]
        return self.uri in (source, f"{source}?version={manifest.get('version')}")


@dataclass(frozen=True)
class Choice:
    """A partition, the reason in words, and whether finished work is reused."""

    partition: str
    reason: str
    is_reused: bool = False


def find_archive(argument: str | None) -> Archive:
    """Return the archive meant by a path, an `s3://` or `synthetic://` address, or nothing.

    Raises:
        DemoFailed: there is no such file.
    """
    if argument is None:
        return Archive(GENERATED)
    if "://" in argument:
        return Archive(argument)
    path = _absolute(argument)
    if not path.is_file():
        raise DemoFailed(f"archive {argument}: no such file, expected a zip file, s3://… or synthetic://….")
    with path.open("rb") as file:
        return Archive(str(path), hashlib.file_digest(file, "sha256").hexdigest())


def find_split(argument: str | None) -> str | None:
    """Return the given split as an absolute path or an address, so that tasks can read it.

    Raises:
        DemoFailed: there is no such file.
    """
    if argument is None or "://" in argument:
        return argument
    path = _absolute(argument)
    if not path.is_file():
        raise DemoFailed(f"split {argument}: no such file, expected a CSV, s3://… or https://….")
    return str(path)


def choose(
    archive: Archive, wanted: str | None, snapshots: Mapping[str, Mapping[str, Any]], today: date
) -> Choice:
    """Return the partition to run: the one asked for, one that holds this archive, or a new month.

    Args:
        archive: what is to be ingested.
        wanted: the partition asked for, if any.
        snapshots: the manifests of the partitions that exist.
        today: the newest month that may be taken.

    Raises:
        DemoFailed: the partition asked for is not a month, or holds something else.
    """
    same = sorted(name for name, manifest in snapshots.items() if archive.is_held_by(manifest))
    if wanted is not None:
        return _as_asked(archive, wanted, snapshots, wanted in same)
    if same:
        return Choice(same[-1], "it already holds this archive: finished work is reused", is_reused=True)
    year, month = today.year, today.month
    while (name := f"{year:04}-{month:02}") in snapshots:
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
    return Choice(name, "the newest month that holds no snapshot yet")


def read_snapshots(clients: Clients) -> dict[str, dict[str, Any]]:
    """Return the manifests of all partitions that have one."""
    found = {}
    for name in clients.keys_below("snapshots/"):
        if manifest := clients.read_json(layout.manifest(name)):
            found[name] = manifest
    return found


def _absolute(path: str) -> Path:
    return Path(os.path.abspath(Path(path).expanduser()))  # symbolic links stay


def _as_asked(
    archive: Archive, wanted: str, snapshots: Mapping[str, Mapping[str, Any]], is_same: bool
) -> Choice:
    if not _MONTH.fullmatch(wanted):
        raise DemoFailed(f"partition {wanted}: not a month, expected one such as 2026-10. Correct PARTITION.")
    if is_same:
        return Choice(
            wanted, "as asked; it already holds this archive: finished work is reused", is_reused=True
        )
    if wanted in snapshots:
        raise DemoFailed(
            f"partition {wanted}: holds {snapshots[wanted]['source']}, expected {archive.uri} or nothing. "
            "A snapshot does not change: choose another PARTITION, or leave it out."
        )
    return Choice(wanted, "as asked")
