"""A stream of any length into one S3 object: hashed on the way, bounded memory, nothing left on failure."""

from __future__ import annotations

import contextlib
import hashlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Deque, Iterable, Iterator, List

from idc.dataset.storage import ObjectStore, translated
from idc.errors import RequestRejected, StorageError

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedMultipartUploadTypeDef, CompletedPartTypeDef

PART_BYTES = 8 << 20
_PARTS_AT_ONCE = 2


@dataclass(frozen=True)
class Uploaded:
    """The object as it was sent."""

    sha256: str
    size_bytes: int


def upload(store: ObjectStore, key: str, blocks: Iterable[bytes]) -> Uploaded:
    """Write `blocks` as one object; it appears whole at the end or not at all.

    Raises:
        StorageError: S3 did not take it.
    """
    abort_leftovers(store, key)
    transfer = _Transfer(store, key)
    try:
        for part in _parts(blocks):
            transfer.send(part)
        return transfer.complete()
    except BaseException:
        transfer.abort()
        raise


def abort_leftovers(store: ObjectStore, key: str) -> None:
    """Throw away what runs that were killed midway left of this object."""
    with translated("list uploads of", store.uri(key)):
        found = store.client.list_multipart_uploads(Bucket=store.bucket, Prefix=key)
    for leftover in found.get("Uploads", []):
        if leftover.get("Key") == key:
            _abort(store, key, leftover["UploadId"])


class _Transfer:
    """One multipart upload; two parts are under way while the next is read."""

    def __init__(self, store: ObjectStore, key: str) -> None:
        self._store, self._key = store, key
        with translated("create upload of", store.uri(key)):
            created = store.client.create_multipart_upload(Bucket=store.bucket, Key=key)
        self._id = created["UploadId"]
        self._hash = hashlib.sha256()
        self._size_bytes = 0
        self._senders = ThreadPoolExecutor(max_workers=_PARTS_AT_ONCE)
        self._under_way: Deque[Future[CompletedPartTypeDef]] = deque()
        self._sent: List[CompletedPartTypeDef] = []

    def send(self, part: bytes) -> None:
        """Send one part in the background, after waiting for the oldest if two are under way."""
        if len(self._under_way) == _PARTS_AT_ONCE:
            self._sent.append(self._under_way.popleft().result())
        number = len(self._sent) + len(self._under_way) + 1
        self._under_way.append(self._senders.submit(self._put, number, part))
        self._hash.update(part)
        self._size_bytes += len(part)

    def complete(self) -> Uploaded:
        """Make the object appear."""
        self._sent += [future.result() for future in self._under_way]
        self._senders.shutdown()
        parts: CompletedMultipartUploadTypeDef = {"Parts": self._sent}
        with translated("complete upload of", self._store.uri(self._key)):
            self._store.client.complete_multipart_upload(
                Bucket=self._store.bucket, Key=self._key, UploadId=self._id, MultipartUpload=parts
            )
        return Uploaded(self._hash.hexdigest(), self._size_bytes)

    def abort(self) -> None:
        """Throw the parts away, once none is under way any more; the first failure is the one to tell."""
        self._senders.shutdown()
        with contextlib.suppress(StorageError, RequestRejected):
            _abort(self._store, self._key, self._id)

    def _put(self, number: int, part: bytes) -> CompletedPartTypeDef:
        with translated(f"upload part {number} of", self._store.uri(self._key)):
            answer = self._store.client.upload_part(
                Bucket=self._store.bucket, Key=self._key, UploadId=self._id, PartNumber=number, Body=part
            )
        return {"PartNumber": number, "ETag": answer["ETag"]}


def _abort(store: ObjectStore, key: str, upload_id: str) -> None:
    with translated("abort upload of", store.uri(key)):
        store.client.abort_multipart_upload(Bucket=store.bucket, Key=key, UploadId=upload_id)


def _parts(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the blocks joined to parts of equal size, the last one smaller; one empty part for no bytes."""
    pending = bytearray()
    has_yielded = False
    for block in blocks:
        pending += block
        while len(pending) >= PART_BYTES:
            yield bytes(pending[:PART_BYTES])
            del pending[:PART_BYTES]
            has_yielded = True
    if pending or not has_yielded:
        yield bytes(pending)
