"""Where an archive may come from, by URI: a path, `file://`, `s3://bucket/key`, or `synthetic://?patients=…`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, Optional, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from idc import layout
from idc.dataset.ranges import FileRanges, ObjectRanges, RangeReader, read_all
from idc.dataset.storage import ObjectStore
from idc.dataset.synthetic import archive_blocks
from idc.dataset.upload import PART_BYTES
from idc.errors import ConfigurationError

_SYNTHETIC = {"patients": 24, "patches": 4800, "seed": 7}


class Source(Protocol):
    """An archive that can be read from the beginning, any number of times."""

    @property
    def is_synthetic(self) -> bool:
        """Whether the archive is generated."""

    @property
    def size_bytes(self) -> Optional[int]:
        """The size, None while it is not known."""

    def blocks(self) -> Iterator[bytes]:
        """Yield the archive's bytes in order."""


@dataclass(frozen=True)
class StoredSource:
    """An archive that lies in a file or an S3 object."""

    reader: RangeReader
    is_synthetic: bool = False

    @property
    def size_bytes(self) -> Optional[int]:
        """The archive's size."""
        return self.reader.size

    def blocks(self) -> Iterator[bytes]:
        """Yield the archive's bytes in order."""
        return read_all(self.reader, PART_BYTES)


@dataclass(frozen=True)
class SyntheticSource:
    """An archive that is generated while it is read."""

    patients: int
    patches: int
    seed: int
    is_synthetic: bool = True

    @property
    def size_bytes(self) -> Optional[int]:
        """None: it is known at the end."""
        return None

    def blocks(self) -> Iterator[bytes]:
        """Yield the archive's bytes in order."""
        return archive_blocks(patients=self.patients, patches=self.patches, seed=self.seed)


def open_source(uri: str, store: ObjectStore) -> Source:
    """Return the archive a URI names; `store` lends its client for other buckets.

    Raises:
        ConfigurationError: no source is named like this.
        MissingObject: there is nothing at that address.
    """
    parts = urlsplit(uri)
    if parts.scheme == "s3":
        bucket, key = layout.parse_uri(uri)
        return StoredSource(ObjectRanges(ObjectStore(store.client, bucket), key))
    if parts.scheme == "synthetic":
        numbers = _synthetic_numbers(uri, parts.query)
        return SyntheticSource(numbers["patients"], numbers["patches"], numbers["seed"])
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return StoredSource(FileRanges(Path(unquote(parts.path))))
    if "://" not in uri and uri:
        return StoredSource(FileRanges(Path(uri).expanduser()))
    expected = "a path, file:///…, s3://bucket/key or synthetic://?patients=24&patches=4800&seed=7"
    raise ConfigurationError("source", repr(uri), "of no known kind", expected, "Correct it.")


def _synthetic_numbers(uri: str, query: str) -> Dict[str, int]:
    given = dict(parse_qsl(query, keep_blank_values=True))
    if not set(given) <= set(_SYNTHETIC) or not all(value.isdecimal() for value in given.values()):
        expected = "whole numbers for " + ", ".join(_SYNTHETIC)
        raise ConfigurationError("source", repr(uri), f"asks for {given}", expected, "Correct it.")
    return {**_SYNTHETIC, **{name: int(value) for name, value in given.items()}}
