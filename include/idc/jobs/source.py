"""The code that travels with a job: gathered, named by the digest of its content, uploaded when absent.

Two forms, both below `code/<sha256>/` in the bucket: a `sourcedir.tar.gz` for training jobs in script mode,
and a plain tree for processing jobs, whose input channels do not unpack archives.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from idc import layout
from idc.errors import ConfigurationError

if TYPE_CHECKING:  # the DAG files read the variants: boto3 must not be imported
    from idc.storage import ObjectStore

LIBRARY = Path(__file__).resolve().parents[1]
# Beside this library where both are packed for MWAA, else where the repository has them.
_PACKED = LIBRARY.parent / "training_scripts"
SCRIPTS = _PACKED if _PACKED.is_dir() else LIBRARY.parents[1] / "training_scripts"


@dataclass(frozen=True)
class Source:
    """Files by their path in the container, `/` between folders."""

    files: dict[str, bytes]

    @cached_property
    def digest(self) -> str:
        """The SHA-256 over every path and every file's own SHA-256, in the order of the paths."""
        total = hashlib.sha256()
        for path, content in sorted(self.files.items()):
            total.update(f"{hashlib.sha256(content).hexdigest()}  {path}\n".encode())
        return total.hexdigest()

    def archive(self) -> bytes:
        """Return the files as a tar.gz whose bytes depend on nothing but their paths and content."""
        packed = io.BytesIO()
        with (
            gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as stream,
            tarfile.open(mode="w", fileobj=stream, format=tarfile.USTAR_FORMAT) as archive,
        ):
            for path, content in sorted(self.files.items()):
                member = tarfile.TarInfo(path)
                member.size, member.mode = len(content), 0o644
                archive.addfile(member, io.BytesIO(content))
        return packed.getvalue()


def training_source(framework: str) -> Source:
    """Return the scripts of `framework` and those that all frameworks share, side by side."""
    shared, own = (_gather(SCRIPTS / folder, ["."]).files for folder in ("common", framework))
    return Source({**shared, **own})


def converter_source() -> Source:
    """Return the converter, the package `idc.converter`: all code that a dataset depends on."""
    return _gather(LIBRARY, ["converter"], below="idc/")


def upload_archive(store: ObjectStore, source: Source) -> str:
    """Upload `source` as a sourcedir.tar.gz unless it is there already; return its URI."""
    key = layout.code_archive(source.digest)
    if store.head(key) is None:
        store.put(key, source.archive())
    return store.uri(key)


def upload_tree(store: ObjectStore, source: Source) -> str:
    """Upload the files of `source` that are not there already; return the URI of the prefix above them."""
    prefix = layout.code_prefix(source.digest)
    for path, content in sorted(source.files.items()):
        if store.head(f"{prefix}{path}") is None:
            store.put(f"{prefix}{path}", content)
    return store.uri(prefix)


def _gather(root: Path, names: Iterable[str], below: str = "") -> Source:
    """Read the Python files under `names` of `root`.

    Raises:
        ConfigurationError: one of them is not there.
    """
    files: dict[str, bytes] = {}
    for name in names:
        path = root / name
        if not path.exists():
            raise ConfigurationError(
                "source", path, "missing", "a file or a folder", "Restore the repository."
            )
        for found in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            files[below + found.relative_to(root).as_posix()] = found.read_bytes()
    return Source(files)
