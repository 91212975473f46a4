"""Sends an instance's share of the objects to its model server and stores the responses."""

from __future__ import annotations

import gzip
import shutil
import time
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from embedded_aws.cloudwatch.logs import StreamWriter
from embedded_aws.s3 import transfer
from embedded_aws.s3.transfer import Location, RemoteFile
from embedded_aws.store.resources import Document
from embedded_aws.transform import records
from embedded_aws.transform.association import Association
from embedded_aws.transform.model_client import ModelClient, Parameters
from embedded_aws.transform.records import Batching, Record
from embedded_aws.transform.transform_failures import BadRecord, TransformFailure

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SUFFIX = ".out"


@dataclass(frozen=True)
class Task:
    """What a job does with every object: its input and output configuration and its data processing."""

    input: Document
    output: Document
    processing: Document

    @property
    def content_type(self) -> str:
        """Of what is sent."""
        return str(self.input.get("ContentType", ""))

    @property
    def accept(self) -> str:
        """Of what is to come back."""
        return str(self.output.get("Accept", ""))


class Sender:
    """Transforms objects, several at a time, each into one output object or none."""

    def __init__(
        self, s3: S3Client, client: ModelClient, task: Task, parameters: Parameters, directory: Path
    ) -> None:
        self._s3 = s3
        self._client = client
        self._task = task
        self._parameters = parameters
        self._directory = directory
        self._association = Association(task.processing, task.content_type, task.accept)
        split_type = task.input["SplitType"]
        is_single = parameters.strategy == "SingleRecord" or split_type == "None"
        self._batching = Batching(split_type, is_single, parameters.limit_bytes)
        self._objects = ThreadPoolExecutor(parameters.concurrency, thread_name_prefix="object")
        self._requests = ThreadPoolExecutor(parameters.concurrency, thread_name_prefix="request")

    def start(self, bucket: str, files: list[RemoteFile], log: StreamWriter) -> list[Future[str]]:
        """Begin with the objects; each future gives the reason of a failure, empty after success."""
        note(log, str(self._parameters))
        return [
            self._objects.submit(self._attempt, number, bucket, file, log)
            for number, file in enumerate(files)
        ]

    def close(self) -> None:
        """Give up what has not begun."""
        for pool in (self._objects, self._requests):
            pool.shutdown(wait=False, cancel_futures=True)

    def _attempt(self, number: int, bucket: str, file: RemoteFile, log: StreamWriter) -> str:
        """Transform one object; a failure is told in the log and leaves no output."""
        directory = self._directory / str(number)
        try:
            self._transform(bucket, file, directory)
        except TransformFailure as failure:
            name = f"{bucket}/{file.key}"
            note(log, f"{name}: {failure.side}: {failure}")
            return f"{failure.side}: See job logs for more information. {name}: {failure}"
        finally:
            shutil.rmtree(directory, ignore_errors=True)
        return ""

    def _transform(self, bucket: str, file: RemoteFile, directory: Path) -> None:
        source, target = directory / "in", directory / "out"
        transfer.download_one(self._s3, str(Location(bucket, file.key)), source)
        is_gzip = self._task.input["CompressionType"] == "Gzip"
        if not is_gzip:
            self._batching.check_size(source.stat().st_size)
        try:
            with (
                cast("BinaryIO", gzip.open(source)) if is_gzip else source.open("rb") as stream,
                target.open("wb") as out,
            ):
                for answer in self._answers(self._batching.batches(self._records(stream))):
                    out.write(answer)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise BadRecord(f"Unable to decompress: {error}") from error
        location = Location.parse(self._task.output["S3OutputPath"]).below(file.path + SUFFIX)
        transfer.upload(self._s3, target, location)

    def _records(self, stream: BinaryIO) -> Iterator[Record]:
        for record in records.split(stream, self._task.input["SplitType"]):
            yield self._association.filtered(record)

    def _answers(self, batches: Iterable[list[Record]]) -> Iterator[bytes]:
        """The answers in the order of the batches, with several requests under way."""
        under_way: deque[Future[bytes]] = deque()
        try:
            for batch in batches:
                under_way.append(self._requests.submit(self._send, batch))
                if len(under_way) >= self._parameters.concurrency:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for request in under_way:
                request.cancel()

    def _send(self, batch: list[Record]) -> bytes:
        answer = self._client.invoke(self._batching.body(batch))
        answer = self._association.associated(batch, answer)
        is_line = self._task.output["AssembleWith"] == "Line"
        return answer + records.NEWLINE if is_line and not answer.endswith(records.NEWLINE) else answer


def note(log: StreamWriter, message: str) -> None:
    """Write what the service itself has to say, a line each, as its data log has it."""
    now = time.time()
    stamp = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now))}.{int(now * 1000) % 1000:03d}"
    for line in message.splitlines():
        log.write(f"{stamp}:[sagemaker logs]: {line}".encode())
