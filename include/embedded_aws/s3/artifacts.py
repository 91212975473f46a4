"""Packs archives deterministically and unpacks archives of others safely.

Only regular files and directories with relative paths below the target are written, up to a limit of
bytes and members. Anything else refuses the whole archive.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from embedded_aws.errors import UnsafeArtifact

LARGEST_BYTES = 20 * 1024**3
MOST_MEMBERS = 200_000
CHUNK_BYTES = 1024 * 1024
COMPRESSION_LEVEL = 1


def pack(directory: Path, archive: Path) -> bool:
    """Write the directory's files as a tar.gz; whether there are any."""
    return pack_all([directory], archive)


def pack_all(directories: Sequence[Path], archive: Path) -> bool:
    """Write the files of all directories as one tar.gz; whether there are any.

    Of files with one name the first directory's is taken. Only regular files go in: no links,
    devices or FIFOs, whatever a container left.
    """
    members: dict[str, Path] = {}
    for directory in directories:
        is_there = directory.is_dir() and not directory.is_symlink()
        for path in directory.rglob("*") if is_there else ():
            if path.is_file() and not path.is_symlink():
                members.setdefault(path.relative_to(directory).as_posix(), path)
    with tarfile.open(archive, "w:gz", compresslevel=COMPRESSION_LEVEL) as tar:
        for name in sorted(members):
            tar.add(members[name], arcname=name, recursive=False)
    return bool(members)


def unpack(archive: Path, target: Path, largest_bytes: int = LARGEST_BYTES) -> None:
    """Unpack a tar archive, compressed or not, into the target.

    Raises:
        UnsafeArtifact: it is no tar archive, or holds what must not be written; some of its
            members may have been written by then.
    """
    written, count = 0, 0
    try:
        with tarfile.open(archive, "r:*") as tar:
            for member in tar:
                count += 1
                if count > MOST_MEMBERS:
                    raise UnsafeArtifact(
                        f"Archive {archive.name}: over {MOST_MEMBERS} members, expected fewer."
                    )
                path = target / _checked_name(member, archive)
                if member.isdir():
                    path.mkdir(parents=True, exist_ok=True)
                else:
                    written += _write(tar, member, path, largest_bytes - written, archive)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise UnsafeArtifact(f"Archive {archive.name}: {error}, expected a tar.gz archive.") from error


def _checked_name(member: tarfile.TarInfo, archive: Path) -> PurePosixPath:
    name = PurePosixPath(member.name)
    is_plain = member.isreg() or member.isdir()
    if not is_plain or name.is_absolute() or ".." in name.parts or "\0" in member.name:
        raise UnsafeArtifact(
            f"Archive {archive.name}, member {member.name!r}: a link, device or path outside, "
            f"expected regular files and directories with relative paths."
        )
    return name


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path, room: int, archive: Path) -> int:
    """Copy one file's bytes, counting what really comes; the mode keeps nothing but execution."""
    source = tar.extractfile(member)
    if source is None:
        raise UnsafeArtifact(f"Archive {archive.name}, member {member.name!r}: unreadable, expected a file.")
    path.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with path.open("wb") as file:
        while chunk := source.read(CHUNK_BYTES):
            size += len(chunk)
            if size > room:
                raise UnsafeArtifact(f"Archive {archive.name}: larger than allowed once unpacked.")
            file.write(chunk)
    os.chmod(path, 0o755 if member.mode & 0o100 else 0o644)
    return size
