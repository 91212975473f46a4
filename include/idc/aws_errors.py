"""What AWS's errors mean, and how patiently its clients ask: one table and one policy for the whole product.

The codes of S3 are in `idc.converter.storage`, which travels alone into the processing job.
Sources: https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html,
https://docs.aws.amazon.com/boto3/latest/guide/retries.html
"""

from __future__ import annotations

import enum

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError as NoConnection,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
)

from idc.converter import storage


class Meaning(enum.Enum):
    """What an error says about calling again."""

    TRANSIENT = "the same call may succeed soon"
    ABSENT = "the resource does not exist"
    TAKEN = "the name is taken by another resource"
    REFUSED = "AWS refuses the call until something is changed"
    UNSENDABLE = "the call cannot be sent: credentials or configuration are wrong"


CODES = {
    **dict.fromkeys(storage.RETRYABLE, Meaning.TRANSIENT),
    **dict.fromkeys(storage.MISSING, Meaning.ABSENT),
    **dict.fromkeys(storage.TAKEN, Meaning.TAKEN),
    "RequestLimitExceeded": Meaning.TRANSIENT,
    "ResourceLimitExceeded": Meaning.TRANSIENT,  # a quota on what exists at once: other jobs end
    "ThrottlingException": Meaning.TRANSIENT,
    "TooManyRequestsException": Meaning.TRANSIENT,
    "ResourceNotFound": Meaning.ABSENT,
    "ResourceNotFoundException": Meaning.ABSENT,
    "ResourceInUse": Meaning.TAKEN,
}
# SageMaker has no code for an absent resource in these operations, only the words of the message.
_VALIDATION = {"ValidationException", "ValidationError"}
_ABSENT_WORDS = ("could not find", "not found", "does not exist")


def meaning(error: ClientError | BotoCoreError) -> Meaning:
    """Return what an error of boto3 means."""
    if isinstance(error, NoConnection | HTTPClientError | IncompleteReadError):
        return Meaning.TRANSIENT
    if isinstance(error, BotoCoreError):
        return Meaning.UNSENDABLE
    if (code := code_of(error)) in CODES:
        return CODES[code]
    if is_transient_status(int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))):
        return Meaning.TRANSIENT
    message = error.response.get("Error", {}).get("Message", "").lower()
    is_absent = code in _VALIDATION and any(words in message for words in _ABSENT_WORDS)
    return Meaning.ABSENT if is_absent else Meaning.REFUSED


def is_transient(error: ClientError | BotoCoreError) -> bool:
    """Return whether a retry can help."""
    return meaning(error) is Meaning.TRANSIENT


def is_taken(error: ClientError) -> bool:
    """Return whether a conditional write found an object, or one that is just being written."""
    return meaning(error) is Meaning.TAKEN or code_of(error) == "ConditionalRequestConflict"


def is_transient_status(status: int) -> bool:
    """Return whether a server that answers with this HTTP status may answer otherwise soon."""
    return status == 429 or status >= 500


def code_of(error: ClientError | BotoCoreError) -> str:
    """Return AWS's code of an error, empty for an error that is not AWS's."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def lacks_credentials(error: Exception) -> bool:
    """Return whether boto3 found no complete credentials."""
    return isinstance(error, NoCredentialsError | PartialCredentialsError)


def client_config(
    attempts: int, *, connect_timeout_s: float = 5, read_timeout_s: float = 60, connections: int = 10
) -> Config:
    """Return the configuration of a client.

    Botocore's standard mode backs off with jitter on throttling, 5xx and broken connections, never on a
    validation error. `attempts` counts the first one.
    """
    return Config(
        retries={"mode": "standard", "total_max_attempts": attempts},
        connect_timeout=connect_timeout_s,
        read_timeout=read_timeout_s,
        max_pool_connections=connections,
    )


PAGE_CONNECTIONS = 16
TASK = client_config(11)  # a task waits rather than fails
# A person waits for a page.
PAGE = client_config(4, connect_timeout_s=3, read_timeout_s=20, connections=PAGE_CONNECTIONS)
SERVING = client_config(4, read_timeout_s=10)  # a doctor's software waits for an answer
