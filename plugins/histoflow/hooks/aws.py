"""AWS clients that retry, and AWS errors in this product's words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError as AwsConnectionError,
    HTTPClientError,
)

from idc.errors import ConfigurationError, HistoflowError, RequestRejected, ServiceError

# Standard mode backs off with jitter on throttling, 5xx and broken connections, never on a validation error.
RETRYING = Config(retries={"mode": "standard", "max_attempts": 10}, connect_timeout=5, read_timeout=60)
_TRANSIENT = {
    "ResourceLimitExceeded",
    "RequestLimitExceeded",
    "RequestTimeout",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}


class AwsHook(AwsBaseHook):
    """A boto3 client by way of an Airflow connection; where it sends its requests is botocore's to say."""

    def __init__(
        self, service: str, *, aws_conn_id: str | None = "aws_default", region_name: str | None = None
    ) -> None:
        """Prepare a client of `service`, as boto3 names it."""
        super().__init__(aws_conn_id=aws_conn_id, region_name=region_name, client_type=service)

    @property
    def config(self) -> Config:
        """The client's configuration; what the connection says wins."""
        merged: Config = RETRYING.merge(super().config)
        return merged

    @property
    def api(self) -> Any:
        """The boto3 client."""
        return self.conn

    async def async_api(self) -> Any:
        """Return an asynchronous client, to be entered with `async with`."""
        return await self.get_async_conn()  # type: ignore[no-untyped-call]


def client(service: str) -> Any:
    """Return the boto3 client of `service` that the connection `aws_default` and the environment describe."""
    return AwsHook(service).api


@contextmanager
def aws_errors(what: str, which: str) -> Iterator[None]:
    """Raise AWS's errors within as this product's, about `what` `which`."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise translated(error, what, which) from error


def translated(error: ClientError | BotoCoreError, what: str, which: str) -> HistoflowError:
    """Return `error` as an error of this product, whose class says whether a retry can help."""
    if isinstance(error, AwsConnectionError | HTTPClientError):
        return ServiceError(what, which, str(error), "an answer from AWS", "It is tried again.")
    if isinstance(error, BotoCoreError):
        return ConfigurationError(what, which, str(error), "a request that can be sent", "Correct it.")
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _TRANSIENT or status >= 500:
        return ServiceError(what, which, f"{code}: {message}", "an answer from AWS", "It is tried again.")
    return RequestRejected(what, which, f"{code}: {message}", "a request AWS accepts", "Correct it.")


def is_not_found(error: ClientError) -> bool:
    """Return whether AWS says that what was asked for does not exist, in one of its ways of saying so."""
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"].lower()
    if code in {"ResourceNotFound", "ResourceNotFoundException"}:
        return True
    absent = ("could not find", "not found", "does not exist")
    return code == "ValidationException" and any(words in message for words in absent)
