from __future__ import annotations

import json

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    IncompleteReadError,
    ParamValidationError,
)

from histoflow.hooks.aws import AwsHook, aws_errors, translated
from idc.errors import (
    ConfigurationError,
    HistoflowError,
    PermanentError,
    RequestRejected,
    ServiceError,
    TransientError,
)


def answer(code: str, message: str = "", status: int = 400) -> ClientError:
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "DescribeTrainingJob")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (answer("ThrottlingException", "Rate exceeded"), ServiceError),
        (answer("ResourceLimitExceeded", "ml.p3.2xlarge: 0"), ServiceError),
        (answer("InternalFailure", status=500), ServiceError),
        (answer("503", status=503), ServiceError),
        (answer("ValidationException", "1 validation error detected"), RequestRejected),
        (answer("AccessDeniedException", status=403), RequestRejected),
        (ConnectTimeoutError(endpoint_url="https://a"), ServiceError),
        (EndpointConnectionError(endpoint_url="https://a"), ServiceError),
        (IncompleteReadError(actual_bytes=1, expected_bytes=2), ServiceError),
        (ParamValidationError(report="Missing RoleArn"), ConfigurationError),
    ],
)
def test_whether_a_retry_helps_is_the_class(
    error: ClientError | BotoCoreError, expected: type[HistoflowError]
) -> None:
    found = translated(error, "TrainingJob", "train-1")

    assert type(found) is expected
    assert isinstance(found, TransientError) != isinstance(found, PermanentError)
    assert "TrainingJob train-1" in str(found)


def test_the_cause_is_kept() -> None:
    cause = answer("ThrottlingException")

    with pytest.raises(ServiceError) as caught, aws_errors("job", "j"):
        raise cause

    assert caught.value.__cause__ is cause


def test_clients_retry_with_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", '{"conn_type": "aws"}')

    config = AwsHook("sagemaker").api.meta.config

    assert config.retries["mode"] == "standard"
    assert config.retries["total_max_attempts"] >= 10
    assert config.connect_timeout == 5


def test_the_connection_has_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    extra = {"config_kwargs": {"connect_timeout": 33}, "region_name": "eu-west-1"}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps({"conn_type": "aws", "extra": extra}))

    api = AwsHook("sagemaker").api

    assert (api.meta.config.connect_timeout, api.meta.region_name) == (33, "eu-west-1")
    assert api.meta.config.retries["mode"] == "standard"
