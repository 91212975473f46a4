"""Objects of one S3 bucket: the only place of the data plane that talks to S3, with errors of this library.

Runs in Airflow and inside processing containers, whose boto3 may be years old.
"""

from __future__ import annotations

import contextlib
import hashlib
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, Optional, TypeVar, Union, cast

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
)

from idc.converter import keys
from idc.converter.errors import (
    ConfigurationError,
    ConflictError,
    HistoflowError,
    MissingObject,
    RequestRejected,
    StorageError,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MISSING = {"404", "NoSuchKey", "NotFound"}
TAKEN = {"412", "PreconditionFailed"}
RETRYABLE = {"SlowDown", "Throttling", "RequestTimeout", "NoSuchUpload", "ConditionalRequestConflict"}
_BODY_ATTEMPTS = 4
_SHA256 = "sha256"

Buffer = Union[bytes, bytearray]
Result = TypeVar("Result")


def connect() -> S3Client:
    """Return an S3 client from the default credential chain that waits out about a minute of trouble."""
    config = Config(retries={"mode": "standard", "max_attempts": 12}, connect_timeout=10, read_timeout=60)
    return boto3.client("s3", config=config)


@dataclass(frozen=True)
class Head:
    """What S3 says of an object without its bytes; `sha256` only if this class wrote it."""

    size_bytes: int
    etag: str
    sha256: Optional[str]


class ObjectStore:
    """One bucket."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        """Use `client` for the objects of `bucket`."""
        self.client = client
        self.bucket = bucket

    def uri(self, key: str) -> str:
        """Return the object's `s3://` address."""
        return keys.uri(self.bucket, key)

    def head(self, key: str) -> Optional[Head]:
        """Return the size and tags of an object, None if there is none."""
        try:
            with translated("head", self.uri(key)):
                found = self.client.head_object(Bucket=self.bucket, Key=key)
        except MissingObject:
            return None
        return Head(found["ContentLength"], found["ETag"], found.get("Metadata", {}).get(_SHA256))

    def get(self, key: str) -> bytes:
        """Return a whole object.

        Raises:
            MissingObject: there is none.
        """
        return patiently(lambda: self._body(key), self.uri(key))

    def get_range(self, key: str, offset: int, size: int, etag: str) -> bytes:
        """Return `size` bytes from `offset` of the object that has this ETag.

        Raises:
            ConflictError: the object has been replaced since.
        """
        bounds = f"bytes={offset}-{offset + size - 1}"
        return patiently(lambda: self._body(key, Range=bounds, IfMatch=etag), self.uri(key))

    def find(self, key: str) -> Optional[bytes]:
        """Return a whole object, None if there is none."""
        try:
            return self.get(key)
        except MissingObject:
            return None

    def put(self, key: str, body: Buffer) -> str:
        """Write an object and, as metadata, its SHA-256, which is returned."""
        digest = hashlib.sha256(body).hexdigest()
        self._put(key, body, digest)
        return digest

    def put_missing(self, key: str, body: Buffer) -> str:
        """Write an object as `put` does, unless an earlier run has written just these bytes."""
        digest = hashlib.sha256(body).hexdigest()
        head = self.head(key)
        if head is None or (head.sha256, head.size_bytes) != (digest, len(body)):
            self._put(key, body, digest)
        return digest

    def put_new(self, key: str, body: bytes) -> bool:
        """Write an object unless there is one; return whether it was written.

        The header is set by hand: the model of older botocore versions does not know `IfNoneMatch`.
        Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
        """
        events = self.client.meta.events
        events.register("before-call.s3.PutObject", _only_if_absent)
        try:
            self.put(key, body)
        except ConflictError:
            return False
        finally:
            events.unregister("before-call.s3.PutObject", _only_if_absent)
        return True

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys below a prefix in their order."""
        more: Dict[str, Any] = {}
        while True:
            with translated("list", self.uri(prefix)):
                found = self.client.list_objects_v2(Bucket=self.bucket, Prefix=prefix, **more)
            for entry in found.get("Contents", []):
                yield entry["Key"]
            if not found.get("IsTruncated"):
                return
            more = {"ContinuationToken": found["NextContinuationToken"]}

    def delete(self, key: str) -> None:
        """Remove an object if there is one."""
        with translated("delete", self.uri(key)):
            self.client.delete_object(Bucket=self.bucket, Key=key)

    def _put(self, key: str, body: Buffer, digest: str) -> None:
        content = cast("bytes", body)  # botocore takes a bytearray too, its type stubs do not
        with translated("put", self.uri(key)):
            self.client.put_object(Bucket=self.bucket, Key=key, Body=content, Metadata={_SHA256: digest})

    def _body(self, key: str, **conditions: str) -> bytes:
        response = self.client.get_object(Bucket=self.bucket, Key=key, **conditions)  # type: ignore[arg-type]
        return response["Body"].read()


def patiently(read: Callable[[], Result], uri: str) -> Result:
    """Call `read` again when its answer breaks off midway, which botocore itself does not retry."""
    attempt = 0
    while True:
        attempt += 1
        try:
            with translated("get", uri):
                return read()
        except StorageError as error:
            is_broken = isinstance(error.__cause__, (HTTPClientError, IncompleteReadError))
            if not is_broken or attempt == _BODY_ATTEMPTS:
                raise
        time.sleep(random.uniform(0, 0.25 * 2**attempt))


@contextlib.contextmanager
def translated(verb: str, uri: str) -> Iterator[None]:
    """Turn botocore's errors into this library's, the cause kept."""
    try:
        yield
    except ClientError as error:
        raise _translate(verb, uri, error) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        action = "Give the process a role, or a key pair in its environment."
        raise ConfigurationError("credentials", f"for {uri}", str(error), "some", action) from error
    except BotoCoreError as error:
        action = "Check that the object store is up, its address and the credentials, and retry."
        raise StorageError("object", uri, f"{verb} failed: {error}", "an answer from S3", action) from error


def _translate(verb: str, uri: str, error: ClientError) -> HistoflowError:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    observed = f"{verb} answered {status} {code}"
    if code in MISSING:
        return MissingObject("object", uri, "not there", "an object", "Run the stage that makes it.")
    if code in TAKEN:
        return ConflictError("object", uri, "written by another run", "no change meanwhile", "Run again.")
    if status >= 500 or code in RETRYABLE:
        return StorageError("object", uri, observed, "success", "Retry.")
    action = "Check the bucket, the role's rights and the region."
    return RequestRejected("object", uri, observed, "success", action)


def _only_if_absent(params: Dict[str, Any], **_: object) -> None:
    params["headers"]["If-None-Match"] = "*"
