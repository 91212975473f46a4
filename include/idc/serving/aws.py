"""Clients of AWS, made once and shared by all threads, and AWS's errors as problems."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import structlog
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ReadTimeoutError,
)

from idc.serving.problems import ENDPOINT_REFUSED, ENDPOINT_UNAVAILABLE, STORAGE_UNAVAILABLE, Problem
from idc.settings import ApiSettings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

log = structlog.get_logger("idc.serving")

RETRY_LATER = {"Retry-After": "5"}
THROTTLED = ("ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded")
MISSING = ("Could not find", "not found")  # SageMaker has no code of its own for it
CONNECT_TIMEOUT_S = 5


class Clients:
    """One client a service; boto3 finds credentials and addresses and signs."""

    def __init__(self, settings: ApiSettings) -> None:
        """Make the clients; nothing is sent yet."""
        session = boto3.session.Session(region_name=settings.region)
        calls = settings.model_concurrency + settings.slide_concurrency
        patient = _config(10, 10, {"mode": "standard", "total_max_attempts": 4})
        # Asked again by ourselves: botocore would also repeat what timed out.
        once = _config(settings.model_timeout_s, calls, {"total_max_attempts": 1})
        self.sagemaker: SageMakerClient = session.client("sagemaker", config=patient)
        self.s3: S3Client = session.client("s3", config=patient)
        self.runtime: SageMakerRuntimeClient = session.client("sagemaker-runtime", config=once)


def code_of(error: ClientError) -> str:
    """Return AWS's code of an error."""
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: ClientError) -> int:
    """Return the HTTP status AWS answered with."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


@contextlib.contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn botocore's errors into problems; what AWS said stays in the server's log."""
    try:
        yield
    except (NoCredentialsError, PartialCredentialsError) as error:
        _note(what, error)
        detail = f"The {what}: the server has no credentials. Ask the operator."
        raise Problem(ENDPOINT_REFUSED, detail) from error
    except ClientError as error:
        _note(what, error)
        if is_passing(error):
            raise unavailable(what) from error
        if any(text in str(error) for text in MISSING):
            detail = f"The {what}: there is none, expected one in service. Ask the operator."
            raise Problem(ENDPOINT_UNAVAILABLE, detail, RETRY_LATER) from error
        detail = f"The {what}: AWS answered {code_of(error)}. Ask the operator."
        raise Problem(ENDPOINT_REFUSED, detail) from error
    except BotoCoreError as error:
        _note(what, error)
        raise unavailable(what) from error


@contextlib.contextmanager
def stored(what: str) -> Iterator[None]:
    """Turn botocore's errors about an object into problems; what AWS said stays in the server's log."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        _note(what, error)
        detail = f"The {what}: it cannot be stored now. Send it again later."
        raise Problem(STORAGE_UNAVAILABLE, detail, RETRY_LATER) from error


def is_passing(error: ClientError | BotoCoreError) -> bool:
    """Whether the same call may succeed soon."""
    if isinstance(error, ClientError):
        return code_of(error) in THROTTLED or status_of(error) >= 500
    return not isinstance(error, (ReadTimeoutError, NoCredentialsError, PartialCredentialsError))


def unavailable(what: str) -> Problem:
    """Return the problem of a part of AWS that does not answer now."""
    detail = f"The {what}: no answer now. Try again later."
    return Problem(ENDPOINT_UNAVAILABLE, detail, RETRY_LATER)


def _note(what: str, error: Exception) -> None:
    log.warning("aws", what=what, error=str(error))


def _config(read_timeout_s: float, connections: int, retries: dict[str, Any]) -> Config:
    return Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=read_timeout_s,
        max_pool_connections=connections,
        retries=retries,  # type: ignore[arg-type]  # its TypedDict does not take a dict made elsewhere
    )
