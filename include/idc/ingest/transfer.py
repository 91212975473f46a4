"""Transfer a source to a snapshot's archive with its SHA-256; resume with the parts that S3 has.

A note beside the archive names the upload and the very bytes it is of, so that a later run, after whatever
end of this one, can go on with it. S3 has no notion of free space: what does not fit fails as it is written.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from idc import layout
from idc.converter.ranges import ObjectRanges, read_all
from idc.errors import MissingObject, PermanentError, StorageError
from idc.ingest.checksum import Checksum
from idc.ingest.progress import check_size, reported
from idc.ingest.upload import PART_BYTES, Upload, Uploaded, parts_of
from idc.storage import ObjectStore, translated

if TYPE_CHECKING:
    from idc.ingest.sources import Source

_IDENTITY = "source-identity"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Note:
    """transfer.json: an upload under way, and its source; `part_bytes` is the size of a part."""

    upload_id: str
    identity: str
    size_bytes: int
    source: str
    version: int | None = None
    part_bytes: int = PART_BYTES


def find_note(store: ObjectStore, partition: str) -> Note | None:
    """Return the note of an unfinished transfer, or None."""
    content = store.find(layout.transfer(partition))
    return None if content is None else Note(**json.loads(content))


def transfer(store: ObjectStore, partition: str, source: Source) -> Uploaded:
    """Transfer the source's bytes to the snapshot's archive; delete them on a permanent error.

    Raises:
        UnsafeArchive: there are more bytes than any archive may have.
        StorageError: reading or writing failed, or other bytes came than the source announced.
    """
    check_size(source.size_bytes or 0)
    key = layout.archive(partition)
    checksum = Checksum(source.checksums)
    if is_there(store, key, source):
        log.info("%s exists already, from a run that ended before its manifest", store.uri(key))
        is_known = False
    else:
        is_known = _send(store, partition, source, checksum)
    if not is_known:
        checksum = Checksum(source.checksums)
        stored = read_all(ObjectRanges(store, key), PART_BYTES)
        for block in reported(stored, source.size_bytes, "read back"):
            checksum.update(block)
    observed = checksum.mismatch(source.size_bytes)
    if observed:
        store.delete(key)
        forget(store, partition)
        raise StorageError("archive", source.name, observed[0], observed[1], "The retry starts over.")
    return Uploaded(checksum.sha256, checksum.size_bytes)


def forget(store: ObjectStore, partition: str) -> None:
    """Remove the note when nothing can be resumed any more."""
    store.delete(layout.transfer(partition))


def _send(store: ObjectStore, partition: str, source: Source, checksum: Checksum) -> bool:
    """Send all missing bytes; return whether `checksum` has seen every byte."""
    upload = _resumed(store, partition, source) or _begun(store, partition, source)
    is_whole = upload.size_bytes == 0
    try:
        blocks = source.blocks(upload.size_bytes)
        for part in parts_of(reported(blocks, source.size_bytes, "uploaded", upload.size_bytes)):
            upload.send(part)
            checksum.update(part)
        if upload.size_bytes == 0:
            upload.send(b"")
        upload.complete()
    except BaseException as error:
        if source.identity is None or isinstance(error, PermanentError):
            upload.abort()
            forget(store, partition)
        else:
            upload.pause()
        raise
    return is_whole


def _resumed(store: ObjectStore, partition: str, source: Source) -> Upload | None:
    note = find_note(store, partition)
    if note is None or source.identity is None:
        return None
    same = (source.identity, source.size_bytes, PART_BYTES)
    if (note.identity, note.size_bytes, note.part_bytes) != same:
        log.warning("the archive changed since it was last fetched (%s); starting over", note.identity)
        return None
    upload = Upload.resume(store, layout.archive(partition), note.upload_id, note.size_bytes)
    if upload is not None:
        done, size = upload.size_bytes / 1e6, note.size_bytes / 1e6
        log.info("resuming: %.1f of %.1f MB exist from an earlier run", done, size)
    return upload


def _begun(store: ObjectStore, partition: str, source: Source) -> Upload:
    metadata = {_IDENTITY: _digest(source.identity)} if source.identity else {}
    upload = Upload.begin(store, layout.archive(partition), metadata)
    if source.identity is not None and source.size_bytes is not None:
        note = Note(upload.id, source.identity, source.size_bytes, source.name, source.version)
        store.put(layout.transfer(partition), json.dumps(asdict(note)).encode())
    return upload


def is_there(store: ObjectStore, key: str, source: Source) -> bool:
    """Return whether the object is a completed upload of the same bytes, by their identity."""
    if source.identity is None:
        return False
    try:
        with translated("head", store.uri(key)):
            found = store.client.head_object(Bucket=store.bucket, Key=key)
    except MissingObject:
        return False
    marked = found.get("Metadata", {}).get(_IDENTITY)
    return marked == _digest(source.identity) and found["ContentLength"] == source.size_bytes


def _digest(identity: str) -> str:
    return hashlib.sha256(identity.encode()).hexdigest()
