"""What is behind an endpoint, told from AWS's answers as botocore's own stub gives them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
import structlog
from botocore.exceptions import NoCredentialsError
from botocore.stub import Stubber

from idc.evaluate.served_model import ServedModel
from idc.serving.aws import is_passing, translated as aws_errors
from idc.serving.models import Models
from idc.serving.problems import Problem

NOW = datetime(2026, 11, 25, tzinfo=UTC)
ARN = "arn:aws:sagemaker:us-east-1:123456789012"
SERVED = ServedModel(
    variant="mxnet", partition="2026-11", dataset_digest="d" * 64, training_job="job", tuning_job="",
    model_data="s3://b/m", model_sha256="5" * 64, threshold=0.5, temperature=1.0, bias=0.0, synthetic=True,
    code_digest="c", metrics_uri="s3://b/a", card_uri="s3://b/c.json", report_uri="s3://b/r",
)  # fmt: skip


@pytest.fixture
def aws() -> Iterator[Stubber]:
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    client = boto3.session.Session(region_name="us-east-1", **keys).client("sagemaker")
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def endpoint(aws: Stubber, live: str, pending: str | None = None) -> None:
    answer: dict[str, Any] = {
        "EndpointName": "e", "EndpointArn": f"{ARN}:endpoint/e", "EndpointConfigName": live,
        "EndpointStatus": "Updating" if pending else "InService", "CreationTime": NOW,
        "LastModifiedTime": NOW,
    }  # fmt: skip
    if pending:
        answer["PendingDeploymentSummary"] = {"EndpointConfigName": pending}
    aws.add_response("describe_endpoint", answer, {"EndpointName": "e"})


def config(aws: Stubber, name: str, **models: str) -> None:
    variants = [
        {"VariantName": variant.replace("_", "-"), "ModelName": model} for variant, model in models.items()
    ]
    answer = {
        "EndpointConfigName": name, "EndpointConfigArn": f"{ARN}:endpoint-config/{name}", "CreationTime": NOW,
        "ProductionVariants": variants,
    }  # fmt: skip
    aws.add_response("describe_endpoint_config", answer, {"EndpointConfigName": name})


def model(aws: Stubber, name: str, package: str | None, metadata: dict[str, str] | None = None) -> None:
    container = {"ModelPackageName": package} if package else {"Image": "image"}
    answer: dict[str, Any] = {"ModelName": name, "ModelArn": f"{ARN}:model/{name}", "CreationTime": NOW}
    aws.add_response("describe_model", {**answer, "PrimaryContainer": container}, {"ModelName": name})
    if package:
        described: dict[str, Any] = {
            "ModelPackageName": "g", "ModelPackageArn": package, "CreationTime": NOW,
            "ModelPackageStatus": "Completed", "ModelPackageStatusDetails": {"ValidationStatuses": []},
            "CustomerMetadataProperties": SERVED.to_metadata() if metadata is None else metadata,
        }  # fmt: skip
        aws.add_response("describe_model_package", described, {"ModelPackageName": package})


def package(version: int) -> str:
    return f"{ARN}:model-package/g/{version}"


def test_a_canary_has_two_versions_and_a_roll_back_is_remembered(aws: Stubber) -> None:
    endpoint(aws, "one", pending="two")
    config(aws, "one", v1_mxnet="m1")
    config(aws, "two", v2_mxnet="m2")
    model(aws, "m1", package(1))
    model(aws, "m2", package(2))
    models = Models(aws.client, "e")

    seen = models.endpoint(max_age_s=60)
    assert seen.is_serving
    assert [(each.name, each.role, each.package) for each in seen.versions] == [
        ("v1-mxnet", "live", package(1)), ("v2-mxnet", "pending", package(2)),
    ]  # fmt: skip
    assert models.version("v2-mxnet").served == SERVED
    assert models.endpoint(max_age_s=60) is seen  # AWS is not asked again


def test_a_version_that_answers_is_looked_up_however_new_the_last_look_is(aws: Stubber) -> None:
    models = Models(aws.client, "e")
    for pending in (None, "two"):
        endpoint(aws, "one", pending)
        config(aws, "one", v1_mxnet="m1")
        if pending:
            config(aws, pending, v2_mxnet="m2")
        model(aws, "m1", package(1))
        if pending:
            model(aws, "m2", package(2))
        else:
            assert models.version("v1-mxnet").package == package(1)

    assert models.version("v2-mxnet").package == package(2)


def test_a_version_nobody_knows_is_looked_up_once(aws: Stubber, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("idc.serving.models.LEAST_PERIOD_S", 3600)
    endpoint(aws, "one")
    config(aws, "one", v1_mxnet="m1")
    model(aws, "m1", package(1))
    models = Models(aws.client, "e")
    for _ in range(2):
        with pytest.raises(Problem, match="v9-mxnet is no variant of it"):
            models.version("v9-mxnet")


def test_what_is_behind_the_endpoint_is_not_forgotten_before_what_was(
    aws: Stubber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("idc.serving.models.MOST_REMEMBERED", 2)
    models = Models(aws.client, "e")
    for number, name in ((1, "one"), (2, "two"), (1, "one"), (3, "three")):
        endpoint(aws, name)
        config(aws, name, **{f"v{number}_mxnet": f"m{number}"})
        model(aws, f"m{number}", package(number))
        models.endpoint(max_age_s=0)

    assert [models.remembered(f"v{number}-mxnet") is not None for number in (1, 2, 3)] == [True, False, True]


def test_two_models_of_one_name_cannot_be_told_apart(aws: Stubber) -> None:
    endpoint(aws, "one", pending="two")
    config(aws, "one", AllTraffic="m1")
    config(aws, "two", AllTraffic="m2")
    model(aws, "m1", package(1))
    with pytest.raises(Problem, match="two models answer by this name"):
        Models(aws.client, "e").version("AllTraffic")


@pytest.mark.parametrize(
    ("registered", "metadata", "reason"),
    [(None, None, "comes from no model package"), (package(1), {"variant": "mxnet"}, "no partition")],
)
def test_a_model_that_is_not_registered_says_so(
    aws: Stubber, registered: str | None, metadata: dict[str, str] | None, reason: str
) -> None:
    for _ in range(2):
        endpoint(aws, "one")
        config(aws, "one", AllTraffic="m1")
        model(aws, "m1", registered, metadata)
    models = Models(aws.client, "e")

    assert reason in models.endpoint(60).problems[0]
    with pytest.raises(Problem) as caught:
        models.version("AllTraffic")
    assert caught.value.kind.name == "model-unknown"


@pytest.mark.parametrize(
    ("code", "message", "status", "name"),
    [
        ("ValidationException", "Could not find endpoint", 400, "endpoint-unavailable"),
        ("AccessDeniedException", "no: its policy", 400, "endpoint-refused"),
    ],
)
def test_what_aws_refuses_and_the_log_says_why(
    aws: Stubber, code: str, message: str, status: int, name: str
) -> None:
    aws.add_client_error("describe_endpoint", code, message, status)
    with structlog.testing.capture_logs() as logged, pytest.raises(Problem) as caught:
        Models(aws.client, "e").endpoint(60)
    assert caught.value.kind.name == name
    [line] = logged
    assert (line["event"], line["what"]) == ("aws", "endpoint e")
    assert message in line["error"]


def test_no_credentials_are_not_waited_for() -> None:
    with pytest.raises(Problem) as caught, aws_errors("endpoint e"):
        raise NoCredentialsError
    assert caught.value.kind.name == "endpoint-refused"
    assert not is_passing(NoCredentialsError())


def test_who_waited_while_another_looked_in_vain_is_told_the_same(aws: Stubber) -> None:
    models, asked_at = Models(aws.client, "e"), time.monotonic()
    for code in ("ThrottlingException", "AccessDeniedException"):
        aws.add_client_error("describe_endpoint", code)
    with pytest.raises(Problem) as first:
        models.endpoint(60)

    with pytest.raises(Problem) as waited:
        models._look_again(asked_at)
    assert waited.value is first.value
    with pytest.raises(Problem) as later:
        models.endpoint(60)
    assert later.value.kind.name == "endpoint-refused"
