"""Reading parts of an archive, wherever it lies, without ever holding it whole."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Iterator, List, NamedTuple, Protocol, Sequence, Tuple

from idc.converter.errors import CorruptArchive, MissingObject, StorageError
from idc.converter.storage import ObjectStore

BLOCK_BYTES = 4 << 20
_GAP_BYTES = 64 << 10  # reading over a smaller gap costs less than a request of its own


class RangeReader(Protocol):
    """Some bytes that can be read from any place."""

    name: str
    size: int

    def read(self, offset: int, size: int) -> bytes:
        """Return exactly `size` bytes from `offset`."""


class FileRanges:
    """Ranges of a local file, opened for each of them."""

    def __init__(self, path: Path) -> None:
        """Look at `path`.

        Raises:
            MissingObject: there is no such file.
        """
        if not path.is_file():
            raise MissingObject("archive", path, "not there", "a file", "Check the path.")
        self.name = str(path)
        found = path.stat()
        self.size = found.st_size
        self.etag = f"{path.absolute()} {found.st_size} {found.st_mtime_ns}"
        self._path = path

    def read(self, offset: int, size: int) -> bytes:
        """Return exactly `size` bytes from `offset`.

        Raises:
            StorageError: the disk does not give them.
        """
        _check_bounds(self, offset, size)
        try:
            with self._path.open("rb") as file:
                file.seek(offset)
                found = file.read(size)
        except OSError as error:
            raise _unreadable(self.name, error.strerror or str(error)) from error
        if len(found) != size:
            raise _unreadable(self.name, "the file shrank while it was read")
        return found


class ObjectRanges:
    """Ranges of one version of an S3 object."""

    def __init__(self, store: ObjectStore, key: str) -> None:
        """Pin the object as it is now: a later replacement is an error, never a mixture.

        Raises:
            MissingObject: there is no such object.
        """
        head = store.head(key)
        self.name = store.uri(key)
        if head is None:
            raise MissingObject("archive", self.name, "not there", "an object", "Check the address.")
        self.size = head.size_bytes
        self.etag = head.etag
        self._store, self._key = store, key

    def read(self, offset: int, size: int) -> bytes:
        """Return exactly `size` bytes from `offset`."""
        _check_bounds(self, offset, size)
        return self._store.get_range(self._key, offset, size, self.etag) if size else b""


class Span(NamedTuple):
    """The bytes of one member, from its local header to where the next member begins."""

    start: int
    end: int


def read_spans(reader: RangeReader, spans: Sequence[Span]) -> Iterator[Tuple[int, memoryview]]:
    """Yield (position in `spans`, its bytes), neighbours fetched together and one request ahead.

    `spans` are in ascending order. At most three blocks are in memory at once.
    """
    blocks = list(_blocks(spans))
    with ThreadPoolExecutor(max_workers=1) as fetcher:
        ahead = [fetcher.submit(_fetch, reader, spans, block) for block in blocks[:1]]
        for position, block in enumerate(blocks):
            fetched = memoryview(ahead.pop().result())
            if position + 1 < len(blocks):
                ahead.append(fetcher.submit(_fetch, reader, spans, blocks[position + 1]))
            base = spans[block[0]].start
            for index in block:
                yield index, fetched[spans[index].start - base : spans[index].end - base]


def read_all(reader: RangeReader, block_bytes: int, start: int = 0) -> Iterator[bytes]:
    """Yield all bytes from `start` on in order, `block_bytes` at a time."""
    for offset in range(start, reader.size, block_bytes):
        yield reader.read(offset, min(block_bytes, reader.size - offset))


def _blocks(spans: Sequence[Span]) -> Iterator[List[int]]:
    block: List[int] = []
    for index, span in enumerate(spans):
        if block:
            is_near = span.start - spans[block[-1]].end <= _GAP_BYTES
            if not is_near or span.end - spans[block[0]].start > BLOCK_BYTES:
                yield block
                block = []
        block.append(index)
    if block:
        yield block


def _fetch(reader: RangeReader, spans: Sequence[Span], block: List[int]) -> bytes:
    start, end = spans[block[0]].start, spans[block[-1]].end
    return reader.read(start, end - start)


def _check_bounds(reader: RangeReader, offset: int, size: int) -> None:
    if offset < 0 or size < 0 or offset + size > reader.size:
        observed = f"bytes {offset} to {offset + size} are needed of {reader.size}"
        raise CorruptArchive(
            "archive", reader.name, observed, "a range inside it", "Fetch the archive again."
        )


def _unreadable(name: str, observed: str) -> StorageError:
    return StorageError("archive", name, observed, "readable bytes", "Check the disk and retry.")
