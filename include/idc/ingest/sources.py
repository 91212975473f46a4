"""Where an archive may come from, by URI: a path, `file://`, `s3://`, `https://`, `kaggle://`, `synthetic://`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from idc import layout
from idc.converter.ranges import FileRanges, ObjectRanges, read_all
from idc.errors import ConfigurationError
from idc.ingest.synthetic import archive_blocks
from idc.ingest.upload import PART_BYTES
from idc.ingest.web import open_address
from idc.storage import ObjectStore

_SYNTHETIC = {"patients": 24, "patches": 4800, "seed": 7, "grows": 0, "months": 0}


class Source(Protocol):
    """An archive that can be read from the beginning, any number of times."""

    @property
    def name(self) -> str:
        """The address, without anything secret."""

    @property
    def version(self) -> int | None:
        """The source's own version of it, None if there are none."""

    @property
    def is_synthetic(self) -> bool:
        """Whether the archive is generated."""

    @property
    def size_bytes(self) -> int | None:
        """The size, None while it is not known."""

    @property
    def identity(self) -> str | None:
        """What names these very bytes, None if they can only be read from the beginning."""

    @property
    def checksums(self) -> dict[str, str]:
        """What the source announces, in hexadecimal by name: `md5`, `crc32c`."""

    def blocks(self, offset: int = 0) -> Iterator[bytes]:
        """Yield the archive's bytes from `offset` on, in order."""


@dataclass(frozen=True)
class StoredSource:
    """An archive that lies in a file or an S3 object."""

    reader: FileRanges | ObjectRanges
    version: int | None = None
    is_synthetic: bool = False
    checksums: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The path or the object's address."""
        return self.reader.name

    @property
    def size_bytes(self) -> int | None:
        """The archive's size."""
        return self.reader.size

    @property
    def identity(self) -> str | None:
        """The object's ETag, or the file's size and time."""
        return self.reader.etag

    def blocks(self, offset: int = 0) -> Iterator[bytes]:
        """Yield the archive's bytes from `offset` on, in order."""
        return read_all(self.reader, PART_BYTES, offset)


@dataclass(frozen=True)
class SyntheticSource:
    """An archive that is generated while it is read, from the beginning; `numbers` are its generator's."""

    name: str
    numbers: dict[str, int]
    version: int | None = None
    is_synthetic: bool = True
    size_bytes: int | None = None
    identity: str | None = None
    checksums: dict[str, str] = field(default_factory=dict)

    def blocks(self, offset: int = 0) -> Iterator[bytes]:
        """Yield the archive's bytes in order.

        Raises:
            ValueError: not from the beginning.
        """
        if offset:
            raise ValueError(f"offset {offset} of a generated archive, expected 0")
        return archive_blocks(**self.numbers)


def open_source(uri: str, store: ObjectStore) -> Source:
    """Return the archive a URI names; `store` lends its client for other buckets.

    Raises:
        ConfigurationError: no source is named like this.
        MissingObject: there is nothing at that address.
        ServiceError: a web server did not answer.
    """
    parts = urlsplit(uri)
    if parts.scheme == "s3":
        bucket, key = layout.parse_uri(uri)
        return StoredSource(ObjectRanges(ObjectStore(store.client, bucket), key))
    if parts.scheme in ("https", "http") and parts.hostname:
        return open_address(uri)
    if parts.scheme == "synthetic":
        return SyntheticSource(uri, _synthetic_numbers(uri, parts.query))
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return StoredSource(FileRanges(Path(unquote(parts.path))))
    if "://" not in uri and uri:
        return StoredSource(FileRanges(Path(uri).expanduser()))
    expected = (
        "a path, file:///…, s3://bucket/key, https://…, kaggle://owner/name?version=1 "
        "or synthetic://?patients=24&patches=4800&seed=7"
    )
    raise ConfigurationError("source", repr(uri), "of no known kind", expected, "Correct it.")


def _synthetic_numbers(uri: str, query: str) -> dict[str, int]:
    given = dict(parse_qsl(query, keep_blank_values=True))
    if not set(given) <= set(_SYNTHETIC) or not all(value.isdecimal() for value in given.values()):
        expected = "whole numbers for " + ", ".join(_SYNTHETIC)
        raise ConfigurationError("source", repr(uri), f"asks for {given}", expected, "Correct it.")
    return {**_SYNTHETIC, **{name: int(value) for name, value in given.items()}}
