"""Processes one asynchronous request: payload from S3, model, response to S3, notification.

It blocks, so it runs in threads. Payloads and responses pass through files: memory stays flat.
"""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from embedded_aws.errors import DownloadError
from embedded_aws.invocation import members as request_members
from embedded_aws.invocation.connections import Broken, Unreachable
from embedded_aws.invocation.members import Members
from embedded_aws.s3 import seaweedfs, transfer
from embedded_aws.s3.transfer import Location
from embedded_aws.settings import HOST, Settings
from embedded_aws.store.resources import Document
from embedded_aws.supervision.ports import Ports
from embedded_aws.wire.credentials import load_or_create

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

TIME_TO_LIVE_S, TIMEOUT_S = 21_600, 900
CHUNK_BYTES = 1024 * 1024
LARGEST_ERROR_BYTES = 64 * 1024
LARGEST_NOTIFIED_BYTES = 128 * 1024


class WorkFailed(Exception):
    """The request cannot be answered; the message says why."""


@dataclass(frozen=True)
class Request:
    """One request of the queue; `output` and `failure` are s3:// addresses, times in seconds."""

    id: str
    endpoint: str
    created: float
    members: Members
    inference_id: str
    output: str
    failure: str | None
    notify: Document

    @property
    def timeout_s(self) -> float:
        """How long the model may take."""
        return float(self.members.get("InvocationTimeoutSeconds", TIMEOUT_S))

    def is_expired(self, now: float) -> bool:
        """Whether it has waited for longer than it may."""
        return now - self.created > float(self.members.get("RequestTTLSeconds", TIME_TO_LIVE_S))


class Work:
    """Does the steps; the files of a request lie in a directory of the home."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._directory = settings.work_dir / "AsyncInvocation"

    def keep_payload(self, id: str, body: bytes) -> None:
        """Keep a payload that came with the request itself."""
        path = self._payload(id)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)

    def fetch(self, request: Request) -> None:
        """Have the payload in its file.

        Raises:
            WorkFailed: S3 does not have it.
        """
        if "InputLocation" not in request.members:
            return
        try:
            transfer.download_one(self._s3, request.members["InputLocation"], self._payload(request.id))
        except DownloadError as error:
            raise WorkFailed(str(error)) from error

    def ask(self, request: Request, port: int) -> tuple[int, str]:
        """Send the payload to an instance; status and content type of the answer, now in its file.

        Raises:
            Unreachable: nobody listens; nothing was sent.
            Broken: the connection ended before the answer did.
            TimeoutError: the model took too long.
        """
        connection = http.client.HTTPConnection(HOST, port, timeout=request.timeout_s)
        try:
            try:
                connection.connect()
            except OSError as error:
                raise Unreachable(str(error)) from error
            headers = request_members.for_the_model(request.members)
            with self._payload(request.id).open("rb") as body:
                headers["content-length"] = str(self._payload(request.id).stat().st_size)
                connection.request("POST", "/invocations", body, headers)
            answer = connection.getresponse()
            with self._answer(request.id).open("wb") as file:
                while chunk := answer.read(CHUNK_BYTES):
                    file.write(chunk)
            return answer.status, answer.headers.get("content-type", "application/octet-stream")
        except TimeoutError:
            raise
        except (OSError, http.client.HTTPException) as error:
            raise Broken(str(error)) from error
        finally:
            connection.close()

    def error_text(self, request: Request) -> str:
        """The body of a model's error."""
        with self._answer(request.id).open("rb") as file:
            return file.read(LARGEST_ERROR_BYTES).decode("utf-8", "replace")

    def succeed(self, request: Request, content_type: str) -> None:
        """Store the model's answer and tell the topic of successes."""
        to, path = Location.parse(request.output), self._answer(request.id)
        self._s3.upload_file(str(path), to.bucket, to.key, ExtraArgs={"ContentType": content_type})
        response: Document = {"contentType": content_type, "outputLocation": request.output}
        is_wanted = "SUCCESS_NOTIFICATION_TOPIC" in request.notify.get("IncludeInferenceResponseIn", [])
        if is_wanted and path.stat().st_size <= LARGEST_NOTIFIED_BYTES:
            response["inferenceResponse"] = path.read_text("utf-8", "replace")
        self._notify(
            request, "SuccessTopic", {"invocationStatus": "Completed", "responseParameters": response}
        )
        self.forget(request.id)

    def fail(self, request: Request, why: str) -> None:
        """Store the reason, if a place for it is configured, and tell the topic of failures."""
        if request.failure is not None:
            to = Location.parse(request.failure)
            self._s3.put_object(Bucket=to.bucket, Key=to.key, Body=why.encode(), ContentType="text/plain")
        self._notify(request, "ErrorTopic", {"invocationStatus": "Failed", "failureReason": why})
        self.forget(request.id)

    def forget(self, id: str) -> None:
        """Remove the request's files."""
        for path in (self._payload(id), self._answer(id)):
            path.unlink(missing_ok=True)

    def _notify(self, request: Request, topic: str, outcome: Document) -> None:
        if topic not in request.notify:
            return
        message = {
            "awsRegion": self._settings.region,
            "eventTime": _clock(time.time()),
            "receivedTime": _clock(request.created),
            "requestParameters": {
                "contentType": request.members.get("ContentType"),
                "endpointName": request.endpoint,
                "inputLocation": request.members.get("InputLocation"),
            },
            **outcome,
            "inferenceId": request.inference_id,
            "eventVersion": "1.0",
            "eventSource": "aws:sagemaker",
            "eventName": "InferenceResult",
        }
        self._sns.publish(TopicArn=request.notify[topic], Message=json.dumps(message))

    def _payload(self, id: str) -> Path:
        return self._directory / f"{id}.payload"

    def _answer(self, id: str) -> Path:
        return self._directory / f"{id}.answer"

    @cached_property
    def _s3(self) -> S3Client:
        return seaweedfs.client(self._settings)

    @cached_property
    def _sns(self) -> Any:
        credentials = load_or_create(self._settings.home)
        return boto3.session.Session().client(
            "sns",
            endpoint_url=f"http://{HOST}:{Ports.of(self._settings).moto}",
            region_name=self._settings.region,
            aws_access_key_id=credentials.access_key_id,
            aws_secret_access_key=credentials.secret_access_key,
        )


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
