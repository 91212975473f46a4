"""Client of a model server; retries as the job's ModelClientConfig says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError

from embedded_aws.settings import HOST
from embedded_aws.store.resources import Document
from embedded_aws.transform.transform_failures import BadAnswer, BadRecord

MEGABYTE = 1024 * 1024
DEFAULT_TIMEOUT_S, DEFAULT_RETRIES = 600, 3
DEFAULT_PAYLOAD_MB = 6
BACKOFF_S = 0.1
PARAMETERS_TIMEOUT_S = 5.0
LONGEST_MESSAGE = 1024
STRATEGIES = {"MultiRecord": "MULTI_RECORD", "SingleRecord": "SINGLE_RECORD"}


@dataclass(frozen=True)
class Parameters:
    """How a job's records reach the server; a payload of 0 MB is one of any size."""

    concurrency: int
    payload_mb: int
    strategy: str

    @classmethod
    def effective(cls, asked: Document, told: Document) -> Parameters:
        """What the request asks for, else what the container tells, else the service's defaults."""
        strategies = {name: member for member, name in STRATEGIES.items()}
        strategy = asked.get("BatchStrategy") or strategies.get(told.get("BatchStrategy", ""), "MultiRecord")
        concurrency: int = asked.get("MaxConcurrentTransforms") or told.get("MaxConcurrentTransforms") or 1
        payload_mb: int = {"MaxPayloadInMB": DEFAULT_PAYLOAD_MB, **told, **asked}["MaxPayloadInMB"]
        return cls(concurrency, payload_mb, strategy)

    @property
    def limit_bytes(self) -> int | None:
        """The largest body of a request, None for any size."""
        return self.payload_mb * MEGABYTE or None

    def __str__(self) -> str:
        return (
            f"MaxConcurrentTransforms={self.concurrency}, MaxPayloadInMB={self.payload_mb}, "
            f"BatchStrategy={STRATEGIES[self.strategy]}"
        )


class ModelClient:
    """Speaks to one model server over kept connections; several threads may."""

    def __init__(self, port: int, config: Document, content_type: str, accept: str) -> None:
        timeout_s = config.get("InvocationsTimeoutInSeconds", DEFAULT_TIMEOUT_S)
        self._retries = urllib3.Retry(
            total=config.get("InvocationsMaxRetries", DEFAULT_RETRIES),
            status_forcelist=range(500, 600),
            allowed_methods=None,
            backoff_factor=BACKOFF_S,
            raise_on_status=False,
        )
        self._pool = urllib3.HTTPConnectionPool(
            HOST, port, maxsize=64, timeout=urllib3.Timeout(connect=5.0, read=timeout_s)
        )
        headers = {"Content-Type": content_type, "Accept": accept}
        self._headers = {name: value for name, value in headers.items() if value}

    def told_parameters(self) -> Document:
        """What GET /execution-parameters answers; nothing of a server that does not know it."""
        try:
            answer = self._pool.request(
                "GET", "/execution-parameters", retries=False, timeout=PARAMETERS_TIMEOUT_S
            )
            told: Any = json.loads(answer.data) if answer.status == 200 else {}
        except (HTTPError, ValueError):
            return {}
        return told if isinstance(told, dict) else {}

    def invoke(self, body: bytes) -> bytes:
        """The answer to one request.

        Raises:
            BadRecord: the server refuses it.
            BadAnswer: the server fails, or does not answer in time.
        """
        try:
            answer = self._pool.request(
                "POST", "/invocations", body=body, headers=self._headers, retries=self._retries
            )
        except HTTPError as error:
            raise BadAnswer(f"Unable to get response from algorithm: {error}") from error
        if answer.status < 300:
            return bytes(answer.data)
        message = answer.data.decode("utf-8", "replace")[:LONGEST_MESSAGE]
        raise (BadAnswer if answer.status >= 500 else BadRecord)(f"{answer.status}: {message}")

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()
