"""Pipe mode: streams the objects of a channel into one FIFO per epoch."""

from __future__ import annotations

import os
import threading
import traceback
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from embedded_aws.errors import DownloadError
from embedded_aws.jobs import pipe_recordio
from embedded_aws.jobs.input_sources import Piece
from embedded_aws.s3.transfer import CHUNK_BYTES, Location

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

GZIP_WINDOW = 16 + zlib.MAX_WBITS


class Feeder:
    """Feeds one channel of one instance for as long as the process lives.

    `<channel>_0` is there before the container starts, and `<channel>_<n + 1>` before the end of
    `<channel>_<n>` can be read. A reader that closes early has had enough of that epoch.
    """

    def __init__(self, channel: Path, chunks: Callable[[int], Iterable[bytes]]) -> None:
        self._channel = channel
        self._chunks = chunks
        self._error: DownloadError | None = None
        channel.parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(self._fifo(0))
        threading.Thread(target=self._feed, name=f"feed {channel.name}", daemon=True).start()

    def check(self) -> None:
        """Notice what went wrong.

        Raises:
            DownloadError: the data could not be fetched.
        """
        if self._error is not None:
            raise self._error

    def _fifo(self, epoch: int) -> Path:
        return self._channel.with_name(f"{self._channel.name}_{epoch}")

    def _feed(self) -> None:
        """Epoch after epoch, until the data cannot be fetched or the process ends."""
        epoch = 0
        try:
            while True:
                self._feed_epoch(epoch)
                epoch += 1
        except DownloadError as error:
            self._error = error
        except Exception as error:  # noqa: BLE001 - the job must hear of it, whatever it is
            traceback.print_exc()
            self._error = DownloadError(f"Data download failed: {self._channel.name}: {error!r}")

    def _feed_epoch(self, epoch: int) -> None:
        """Wait for a reader and give it the epoch; the next one's FIFO is made before this one ends."""
        fifo = os.open(self._fifo(epoch), os.O_WRONLY)
        try:
            os.mkfifo(self._fifo(epoch + 1))
            for chunk in self._chunks(epoch):
                view = memoryview(chunk)
                while view:
                    view = view[os.write(fifo, view) :]
        except BrokenPipeError:
            pass  # the reader closed early
        except DownloadError as error:
            self._error = error  # known before the reader can see the end
            raise
        finally:
            os.unlink(self._fifo(epoch))
            os.close(fifo)


def stream(
    s3: S3Client, entries: Iterable[tuple[Piece, ...]], is_gzip: bool, is_wrapped: bool
) -> Iterator[bytes]:
    """The bytes of the entries, each piece decompressed and made a record if so asked.

    Raises:
        DownloadError: an object cannot be fetched or decompressed.
    """
    for entry in entries:
        for piece in entry:
            chunks = iter([piece]) if isinstance(piece, bytes) else fetched(s3, piece, is_gzip)
            yield from [pipe_recordio.wrapped(b"".join(chunks))] if is_wrapped else chunks


def fetched(s3: S3Client, location: Location, is_gzip: bool) -> Iterator[bytes]:
    """The bytes of an object, decompressed if so asked.

    Raises:
        DownloadError: S3 has no such object, or refuses, or it is no gzip file.
    """
    try:
        chunks = s3.get_object(Bucket=location.bucket, Key=location.key)["Body"].iter_chunks(CHUNK_BYTES)
        yield from _decompressed(chunks) if is_gzip else chunks
    except (BotoCoreError, ClientError, zlib.error) as error:
        raise DownloadError(f"Data download failed: {location}: {error}") from error


def _decompressed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The content of a gzip file, which may have several members."""
    member = zlib.decompressobj(GZIP_WINDOW)
    for chunk in chunks:
        data = chunk
        while data:
            if member.eof:
                member = zlib.decompressobj(GZIP_WINDOW)
            yield member.decompress(data)
            data = member.unused_data
    if not member.eof:
        raise zlib.error("the file ends before its end is reached")
