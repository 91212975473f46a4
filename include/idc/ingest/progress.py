"""Log the progress of a stream every few seconds."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator

from idc.errors import UnsafeArchive

LARGEST_ARCHIVE_BYTES = 64 << 30
_REPORT_EVERY_S = 5.0

log = logging.getLogger(__name__)


def reported(
    blocks: Iterable[bytes], size_bytes: int | None, verb: str, begun_bytes: int = 0
) -> Iterator[bytes]:
    """Pass blocks on and log the progress every few seconds and at the end; `begun_bytes` came before.

    Raises:
        UnsafeArchive: there are more bytes than any archive may have.
    """
    started = reported_at = time.monotonic()
    done = begun_bytes
    for block in blocks:
        done += len(block)
        check_size(done)
        yield block
        now = time.monotonic()
        if now - reported_at >= _REPORT_EVERY_S:
            reported_at = now
            log.info("%s %s", verb, _progress(done, size_bytes, done - begun_bytes, now - started))
    log.info("%s %s", verb, _progress(done, size_bytes, done - begun_bytes, time.monotonic() - started))


def check_size(size_bytes: int) -> None:
    """Refuse an archive above the largest allowed size.

    Raises:
        UnsafeArchive: it has.
    """
    if size_bytes > LARGEST_ARCHIVE_BYTES:
        observed, expected = f"{size_bytes} bytes so far", f"at most {LARGEST_ARCHIVE_BYTES}"
        raise UnsafeArchive("archive", "stream", observed, expected, "Do not use this archive.")


def _progress(done: int, size_bytes: int | None, now_bytes: int, seconds: float) -> str:
    of = f" of {size_bytes / 1e6:,.1f}" if size_bytes else ""
    return f"{done / 1e6:,.1f}{of} MB, {now_bytes / 1e6 / max(seconds, 1e-9):,.1f} MB/s"
