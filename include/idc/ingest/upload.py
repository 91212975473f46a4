"""Upload one S3 object in parts: bounded memory, complete or not at all, resumable."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from idc.errors import MissingObject, RequestRejected, StorageError
from idc.storage import ObjectStore, translated

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedMultipartUploadTypeDef, CompletedPartTypeDef

PART_BYTES = 8 << 20
_PARTS_AT_ONCE = 2


@dataclass(frozen=True)
class Uploaded:
    """The object as it was sent."""

    sha256: str
    size_bytes: int


class Upload:
    """One multipart upload; two parts are under way while the next is read."""

    def __init__(
        self, store: ObjectStore, key: str, upload_id: str, sent: list[CompletedPartTypeDef], size_bytes: int
    ) -> None:
        """Resume an upload with the parts `sent`, together `size_bytes`."""
        self._store, self._key = store, key
        self.id, self.size_bytes = upload_id, size_bytes
        self._senders = ThreadPoolExecutor(max_workers=_PARTS_AT_ONCE)
        self._under_way: deque[Future[CompletedPartTypeDef]] = deque()
        self._sent = sent

    @classmethod
    def begin(cls, store: ObjectStore, key: str, metadata: Mapping[str, str]) -> Upload:
        """Begin an upload; first abort earlier uploads of this object."""
        abort_leftovers(store, key)
        with translated("create upload of", store.uri(key)):
            made = store.client.create_multipart_upload(Bucket=store.bucket, Key=key, Metadata=metadata)
        return cls(store, key, made["UploadId"], [], 0)

    @classmethod
    def resume(cls, store: ObjectStore, key: str, upload_id: str, size_bytes: int) -> Upload | None:
        """Resume an upload of `size_bytes` after its last complete part; None if there is no such upload."""
        sent: list[CompletedPartTypeDef] = []
        at = 0
        pages = store.client.get_paginator("list_parts")
        try:
            with translated("list parts of", store.uri(key)):
                for page in pages.paginate(Bucket=store.bucket, Key=key, UploadId=upload_id):
                    for part in page.get("Parts", []):
                        expected = (len(sent) + 1, min(PART_BYTES, size_bytes - at))
                        if (part["PartNumber"], part["Size"]) == expected:
                            sent.append({"PartNumber": part["PartNumber"], "ETag": part["ETag"]})
                            at += part["Size"]
        except (MissingObject, StorageError) as error:
            if isinstance(error, StorageError) and "NoSuchUpload" not in str(error):
                raise
            return None
        return cls(store, key, upload_id, sent, at)

    def send(self, part: bytes) -> None:
        """Send one part in the background, after waiting for the oldest if two are under way."""
        if len(self._under_way) == _PARTS_AT_ONCE:
            self._sent.append(self._under_way.popleft().result())
        number = len(self._sent) + len(self._under_way) + 1
        self._under_way.append(self._senders.submit(self._put, number, part))
        self.size_bytes += len(part)

    def complete(self) -> None:
        """Make the object appear."""
        self._sent += [future.result() for future in self._under_way]
        self._senders.shutdown()
        parts: CompletedMultipartUploadTypeDef = {"Parts": self._sent}
        with translated("complete upload of", self._store.uri(self._key)):
            self._store.client.complete_multipart_upload(
                Bucket=self._store.bucket, Key=self._key, UploadId=self.id, MultipartUpload=parts
            )

    def pause(self) -> None:
        """Wait for the parts under way; all parts stay for a later run."""
        self._senders.shutdown()

    def abort(self) -> None:
        """Abort the upload when no part is under way any more; the first failure is raised."""
        self._senders.shutdown()
        with contextlib.suppress(StorageError, RequestRejected):
            _abort(self._store, self._key, self.id)

    def _put(self, number: int, part: bytes) -> CompletedPartTypeDef:
        with translated(f"upload part {number} of", self._store.uri(self._key)):
            answer = self._store.client.upload_part(
                Bucket=self._store.bucket, Key=self._key, UploadId=self.id, PartNumber=number, Body=part
            )
        return {"PartNumber": number, "ETag": answer["ETag"]}


def abort_leftovers(store: ObjectStore, key: str) -> None:
    """Abort the uploads of this object that killed runs left."""
    with translated("list uploads of", store.uri(key)):
        found = store.client.list_multipart_uploads(Bucket=store.bucket, Prefix=key)
    for leftover in found.get("Uploads", []):
        if leftover.get("Key") == key:
            _abort(store, key, leftover["UploadId"])


def parts_of(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the blocks joined to parts of equal size, the last one smaller."""
    pending = bytearray()
    for block in blocks:
        pending += block
        while len(pending) >= PART_BYTES:
            yield bytes(pending[:PART_BYTES])
            del pending[:PART_BYTES]
    if pending:
        yield bytes(pending)


def _abort(store: ObjectStore, key: str, upload_id: str) -> None:
    with translated("abort upload of", store.uri(key)):
        store.client.abort_multipart_upload(Bucket=store.bucket, Key=key, UploadId=upload_id)
