"""Faults asked for strike real clients; the switch is not there unless `up` was told so."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from local_aws import LocalAws


@pytest.fixture
def faults(embedded_aws: LocalAws) -> Iterator[LocalAws]:
    yield embedded_aws
    embedded_aws.faults("DELETE")


def test_throttling_strikes_so_many_times(faults: LocalAws) -> None:
    sagemaker = faults.client("sagemaker")
    status, fault = faults.faults("POST", kind="throttle", target="ListModels", count=2)
    assert (status, fault["remaining"]) == (201, 2)
    for _ in range(2):
        with pytest.raises(ClientError) as refused:
            sagemaker.list_models()
        assert refused.value.response["Error"] == {"Code": "ThrottlingException", "Message": "Rate exceeded"}
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert "Models" in sagemaker.list_models()
    assert faults.faults("GET") == (200, {"faults": []})


def test_a_client_with_retries_survives_throttling_and_server_errors(faults: LocalAws) -> None:
    sagemaker = faults.client("sagemaker", config=Config(retries={"max_attempts": 8, "mode": "standard"}))
    faults.faults("POST", kind="throttle", target="ListModels", count=2)
    faults.faults("POST", kind="error", target="ListModels", status=503, count=2)
    assert sagemaker.list_models()["ResponseMetadata"]["RetryAttempts"] == 4


@pytest.mark.parametrize(("status", "code"), [(500, "InternalFailure"), (503, "ServiceUnavailable")])
def test_errors_until_removed(faults: LocalAws, status: int, code: str) -> None:
    sagemaker = faults.client("sagemaker")
    _, fault = faults.faults("POST", kind="error", target="ListModels", status=status)
    for _ in range(3):
        with pytest.raises(ClientError) as refused:
            sagemaker.list_models()
        assert refused.value.response["Error"]["Code"] == code
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert "TrainingJobSummaries" in sagemaker.list_training_jobs()
    faults.faults("DELETE", f"/{fault['id']}")
    assert "Models" in sagemaker.list_models()


def test_latency(faults: LocalAws) -> None:
    faults.faults("POST", kind="latency", target="ListModels", seconds=0.5, count=1)
    started = time.monotonic()
    faults.client("sagemaker").list_models()
    assert time.monotonic() - started >= 0.5


def test_other_services_and_the_runtime_are_struck_too(faults: LocalAws) -> None:
    faults.faults("POST", kind="throttle", target="*", count=3)
    with pytest.raises(ClientError, match="Rate exceeded"):
        faults.client("sts").get_caller_identity()
    with pytest.raises(ClientError, match="Rate exceeded"):
        faults.client("logs").describe_log_groups()
    with pytest.raises(ClientError, match="ThrottlingException"):
        faults.client("sagemaker-runtime").invoke_endpoint(EndpointName="none", Body=b"")


def test_what_is_no_fault_is_refused(faults: LocalAws) -> None:
    status, answer = faults.faults("POST", kind="flood", target="*")
    assert (status, answer["message"].split(",")[0]) == (400, "Fault kind: 'flood'")
    assert faults.faults("POST", kind="error", target="*", status=200)[0] == 400
    assert faults.faults("POST", kind="error", target="*", count="2")[0] == 400
    assert faults.faults("POST", kind="error")[0] == 400
    assert faults.faults("PUT", kind="error", target="*")[0] == 404


def test_the_command_line_asks_for_faults(faults: LocalAws) -> None:
    done = faults.command("fault", "throttle", "ListModels", "--count", "1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1].split()[1:] == ["throttle", "ListModels", "1"]
    with pytest.raises(ClientError, match="Rate exceeded"):
        faults.client("sagemaker").list_models()
    assert len(faults.command("fault", "list").stdout.splitlines()) == 1


def test_the_switch_is_off_unless_asked_for(fresh_aws: LocalAws) -> None:
    assert fresh_aws.faults("POST", kind="throttle", target="*")[0] == 404
    assert fresh_aws.faults("GET")[0] == 404
    assert "Models" in fresh_aws.client("sagemaker").list_models()
    done = fresh_aws.command("fault", "throttle", "*")
    assert done.returncode == 1
    assert "--faults" in done.stderr
