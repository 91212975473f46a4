"""Clients of AWS, made once and shared by all threads, and AWS's errors as problems."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import structlog
from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from idc.aws_errors import (
    SERVING,
    Meaning,
    client_config,
    code_of,
    is_transient,
    lacks_credentials,
    meaning,
)
from idc.serving.problems import ENDPOINT_REFUSED, ENDPOINT_UNAVAILABLE, STORAGE_UNAVAILABLE, Problem
from idc.settings import ApiSettings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

log = structlog.get_logger("idc.serving")

RETRY_LATER = {"Retry-After": "5"}


class Clients:
    """One client a service; boto3 finds credentials and addresses and signs."""

    def __init__(self, settings: ApiSettings) -> None:
        """Make the clients; nothing is sent yet."""
        session = boto3.session.Session(region_name=settings.region)
        calls = settings.model_concurrency + settings.slide_concurrency
        # `Scorer` retries: botocore would also repeat an invocation that timed out.
        once = client_config(1, read_timeout_s=settings.model_timeout_s, connections=calls)
        self.sagemaker: SageMakerClient = session.client("sagemaker", config=SERVING)
        self.s3: S3Client = session.client("s3", config=SERVING)
        self.runtime: SageMakerRuntimeClient = session.client("sagemaker-runtime", config=once)


@contextlib.contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn botocore's errors into problems; what AWS said stays in the server's log."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        _note(what, error)
        raise _problem(what, error) from error


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
    """Return whether the same invocation may succeed soon; a model that timed out would time out again."""
    return is_transient(error) and not isinstance(error, ReadTimeoutError)


def unavailable(what: str) -> Problem:
    """Return the problem of a part of AWS that does not answer now."""
    detail = f"The {what}: no answer now. Try again later."
    return Problem(ENDPOINT_UNAVAILABLE, detail, RETRY_LATER)


def _problem(what: str, error: ClientError | BotoCoreError) -> Problem:
    if lacks_credentials(error):
        return Problem(ENDPOINT_REFUSED, f"The {what}: the server has no credentials. Ask the operator.")
    if isinstance(error, BotoCoreError) or is_transient(error):
        return unavailable(what)
    if meaning(error) is Meaning.ABSENT:
        detail = f"The {what}: there is none, expected one in service. Ask the operator."
        return Problem(ENDPOINT_UNAVAILABLE, detail, RETRY_LATER)
    return Problem(ENDPOINT_REFUSED, f"The {what}: AWS answered {code_of(error)}. Ask the operator.")


def _note(what: str, error: Exception) -> None:
    log.warning("aws", what=what, error=str(error))
