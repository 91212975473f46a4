"""Each policy in `deploy/iam` allows what the code calls, and nothing else."""

from __future__ import annotations

import functools
import json
import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from unit.deploy.aws_calls import actions

from idc.settings import Settings, load
from idc.variants.all import VARIANTS
from idc.variants.images import ACCOUNTS

ROOT = Path(__file__).resolve().parents[3]
IAM = ROOT / "deploy" / "iam"
# What a request needs beyond the action it is named after: a role it hands on, tags it sets; for an endpoint
# that scales, what its guide lists under *Prerequisites*.
IMPLIED = {
    "airflow": {"iam:PassRole", "sagemaker:AddTags"},
    "airflow-rollout": {"iam:CreateServiceLinkedRole", "sagemaker:UpdateEndpointWeightsAndCapacities"},
    "airflow-notifications": set[str](),
}
# What SageMaker does as the execution role, as its guide lists it under *SageMaker roles*, beside S3.
BY_SAGEMAKER = {
    "cloudwatch:PutMetricData",
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetAuthorizationToken",
    "ecr:GetDownloadUrlForLayer",
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:DescribeLogStreams",
    "logs:PutLogEvents",
    "s3:AbortMultipartUpload",  # of models and outputs, whose uploads it begins
}
# Actions that AWS offers no resource for, or only by name of what does not exist yet.
ON_EVERYTHING = {
    "application-autoscaling:DescribeScalableTargets",
    "cloudwatch:PutMetricData",
    "ecr:GetAuthorizationToken",
    "sagemaker:ListEndpointConfigs",
    "sagemaker:ListEndpoints",
    "sagemaker:ListHyperParameterTuningJobs",
    "sagemaker:ListModelPackages",
    "sagemaker:ListProcessingJobs",
    "sagemaker:ListTrainingJobs",
    "sagemaker:ListTrainingJobsForHyperParameterTuningJob",
    "sagemaker:ListTransformJobs",
    "sagemaker:Search",
}
SERVING = ROOT / "include" / "idc" / "serving"
# Airflow's policies, each with what it is for.
AIRFLOW = {
    "airflow": "plugins/histoflow/hooks/sagemaker.py",
    "airflow-rollout": "plugins/histoflow/hooks/traffic.py",
    "airflow-notifications": "plugins/histoflow/notifiers.py",
}
IN_USE = [name for name, user in AIRFLOW.items() if (ROOT / user).is_file()]


@functools.cache
def called_by_airflow() -> frozenset[str]:
    files = [path for part in ("dags", "plugins", "include/idc") for path in (ROOT / part).rglob("*.py")]
    ours = [path for path in files if SERVING not in path.parents and path.name != "kaggle.py"]
    return frozenset(actions(ours))


def statements(name: str) -> list[dict[str, Any]]:
    policy = json.loads((IAM / f"{name}.json").read_text())
    assert policy["Version"] == "2012-10-17"
    found: list[dict[str, Any]] = policy["Statement"]
    return found


def allowed(name: str) -> set[str]:
    listed = [action for statement in statements(name) for action in statement["Action"]]
    return set(listed)


def test_the_code_that_is_read_holds_the_calls_known_of() -> None:
    assert {
        "s3:PutObject",
        "sagemaker:CreateTrainingJob",
        "sagemaker:StopHyperParameterTuningJob",
        "sagemaker:CreateModel",
        "sagemaker:UpdateEndpoint",
        "sagemaker:ListTags",
        "sagemaker:ListProcessingJobs",
        "sagemaker:Search",
        "logs:GetLogEvents",
    } <= called_by_airflow()
    assert not any(action.endswith((":CreateJob", ":GetDataset")) for action in called_by_airflow())


def test_airflow_may_do_what_it_does_and_nothing_else() -> None:
    may = set().union(*(allowed(name) for name in IN_USE))
    implied = set().union(*(IMPLIED[name] for name in IN_USE))

    assert "airflow" in IN_USE
    assert sorted(may) == sorted(called_by_airflow() | implied)


def test_no_two_policies_of_airflow_allow_the_same() -> None:
    listed = [action for name in AIRFLOW for action in sorted(allowed(name))]

    assert len(listed) == len(set(listed))


def test_the_execution_role_may_do_what_jobs_do_and_nothing_else() -> None:
    in_jobs = actions((ROOT / "include/idc/converter").rglob("*.py"))

    assert sorted(allowed("sagemaker-execution")) == sorted(in_jobs | BY_SAGEMAKER)


@pytest.mark.parametrize("region", ACCOUNTS)
def test_the_execution_role_may_pull_the_images_of_every_region(
    region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HISTOFLOW_BUCKET", "a-bucket")
    monkeypatch.setenv("HISTOFLOW_ROLE_ARN", "arn:aws:iam::123456789012:role/a-role")
    monkeypatch.setenv("HISTOFLOW_REGION", region)
    [pulling] = [one for one in statements("sagemaker-execution") if one["Sid"] == "Images"]
    settings = load(Settings)
    declared = {image for one in VARIANTS.values() for image in (one.training_image, one.inference_image)}
    images = [settings.processing_image, *(image.uri(settings) for image in declared)]

    assert len(images) == 6
    for image in images:
        registry, repository = image.rpartition(":")[0].split("/")
        arn = f"arn:aws:ecr:{region}:{registry.partition('.')[0]}:repository/{repository}"
        assert any(fnmatch(arn, one.replace("REGION", region)) for one in pulling["Resource"]), arn


@pytest.mark.skipif(not SERVING.is_dir(), reason="there is no REST API in this tree")
def test_the_rest_api_may_do_what_it_does_and_nothing_else() -> None:
    # Who may not list a bucket is told that an object which is not there is forbidden.
    assert sorted(allowed("rest-api")) == sorted(actions(SERVING.rglob("*.py")) | {"s3:ListBucket"})


@pytest.mark.parametrize("name", [*AIRFLOW, "sagemaker-execution", "rest-api"])
def test_every_permission_is_for_named_resources(name: str) -> None:
    for statement in statements(name):
        assert statement["Effect"] == "Allow"
        assert not any("*" in action for action in statement["Action"])
        resources = statement["Resource"]
        for resource in [resources] if isinstance(resources, str) else resources:
            if resource == "*":
                assert set(statement["Action"]) <= ON_EVERYTHING, statement["Sid"]
            else:
                assert re.match(
                    r"arn:aws:(s3:::BUCKET|iam::ACCOUNT|ecr:REGION:\*:repository/[a-z]|[a-z-]+:REGION:\w+):?",
                    resource,
                )


def test_the_role_is_handed_to_sagemaker_alone() -> None:
    [passing] = [entry for entry in statements("airflow") if "iam:PassRole" in entry["Action"]]

    assert passing["Resource"] == "arn:aws:iam::ACCOUNT:role/EXECUTION_ROLE"
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


@pytest.mark.parametrize("name", ["airflow-trust", "sagemaker-execution-trust", "rest-api-trust"])
def test_only_services_of_the_own_account_assume_a_role(name: str) -> None:
    [statement] = statements(name)

    assert set(statement["Principal"]) == {"Service"}
    assert statement["Action"] == "sts:AssumeRole"
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "ACCOUNT"}}
