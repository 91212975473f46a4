"""One table says what AWS's errors mean, for tasks, pages, the REST API and the object store alike."""

from __future__ import annotations

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    IncompleteReadError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)

from idc.aws_errors import CODES, Meaning, client_config, is_taken, is_transient, is_transient_status, meaning
from idc.converter import storage
from idc.errors import HistoflowError, TransientError


def answer(code: str, message: str = "", status: int = 400) -> ClientError:
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "DescribeTrainingJob")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (answer("ThrottlingException", "Rate exceeded"), Meaning.TRANSIENT),
        (answer("ResourceLimitExceeded", "ml.p3.2xlarge: 0"), Meaning.TRANSIENT),
        (answer("SlowDown", status=503), Meaning.TRANSIENT),
        (answer("SomethingNew", status=500), Meaning.TRANSIENT),
        (answer("SomethingNew", status=429), Meaning.TRANSIENT),
        (answer("ResourceInUse"), Meaning.TAKEN),
        (answer("PreconditionFailed", status=412), Meaning.TAKEN),
        (answer("ValidationException", "1 validation error detected"), Meaning.REFUSED),
        (answer("AccessDeniedException", status=403), Meaning.REFUSED),
        (ConnectTimeoutError(endpoint_url="https://a"), Meaning.TRANSIENT),
        (ReadTimeoutError(endpoint_url="https://a"), Meaning.TRANSIENT),
        (IncompleteReadError(actual_bytes=1, expected_bytes=2), Meaning.TRANSIENT),
        (NoCredentialsError(), Meaning.UNSENDABLE),
        (ParamValidationError(report="Missing RoleArn"), Meaning.UNSENDABLE),
    ],
)
def test_every_error_has_one_meaning(error: ClientError | BotoCoreError, expected: Meaning) -> None:
    assert meaning(error) is expected
    assert is_transient(error) is (expected is Meaning.TRANSIENT)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (answer("ValidationException", "Requested resource not found."), True),
        (answer("ValidationException", 'Could not find endpoint "arn:aws:…".'), True),
        (answer("ValidationException", "Could not find requested job with name: j"), True),
        (answer("ResourceNotFound"), True),
        (answer("ValidationError", "Endpoint e of account 123456789012 not found."), True),
        (answer("NoSuchKey", status=404), True),
        (answer("ValidationException", "1 validation error detected: Value 'x'"), False),
        (answer("ThrottlingException", "not found"), False),
    ],
)
def test_absence_is_told_from_other_refusals(error: ClientError, expected: bool) -> None:
    assert (meaning(error) is Meaning.ABSENT) is expected


@pytest.mark.parametrize("code", sorted(storage.RETRYABLE | storage.MISSING | storage.TAKEN))
def test_the_object_store_and_the_table_agree(code: str) -> None:
    with pytest.raises(HistoflowError) as caught, storage.translated("get", "s3://bucket/key"):
        raise answer(code)

    assert isinstance(caught.value, TransientError) is (CODES[code] is Meaning.TRANSIENT)


def test_a_write_at_the_same_time_counts_as_taken() -> None:
    assert is_taken(answer("PreconditionFailed", status=412))
    assert is_taken(answer("ConditionalRequestConflict", status=409))
    assert not is_taken(answer("AccessDenied", status=403))


@pytest.mark.parametrize(("status", "expected"), [(200, False), (404, False), (429, True), (503, True)])
def test_a_busy_server_is_asked_again(status: int, expected: bool) -> None:
    assert is_transient_status(status) is expected


def test_a_client_makes_the_attempts_it_is_told() -> None:
    config = client_config(4, connect_timeout_s=3, read_timeout_s=20, connections=16)

    assert config.retries == {"mode": "standard", "total_max_attempts": 4}
    assert (config.connect_timeout, config.read_timeout, config.max_pool_connections) == (3, 20, 16)
