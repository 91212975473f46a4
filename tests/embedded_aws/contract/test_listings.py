"""Listings: filters, order, pages whose tokens outlive a restart; and tags on everything that has an ARN."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from aws_jobs import Jobs, unique
from botocore.exceptions import ClientError
from local_aws import LocalAws, wait_until


class Resources:
    """Models, configurations and endpoints that never serve."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.sagemaker = aws.client("sagemaker")

    def model(self, name: str, **members: Any) -> str:
        answer = self.sagemaker.create_model(
            ModelName=name,
            PrimaryContainer={"Image": self.aws.image},
            ExecutionRoleArn=self.aws.role_arn,
            **members,
        )
        return str(answer["ModelArn"])

    def config(self, name: str, model: str, **members: Any) -> str:
        variant = {
            "VariantName": "v",
            "ModelName": model,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
        }
        answer = self.sagemaker.create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=[variant], **members
        )
        return str(answer["EndpointConfigArn"])

    def endpoint(self, name: str, config: str, **members: Any) -> str:
        """An endpoint that fails, as its model holds no script."""
        answer = self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config, **members)
        describe = self.sagemaker.describe_endpoint
        wait_until(lambda: describe(EndpointName=name)["EndpointStatus"] == "Failed")
        return str(answer["EndpointArn"])


@pytest.fixture(scope="module")
def resources(embedded_aws: LocalAws) -> Resources:
    return Resources(embedded_aws)


@pytest.fixture(scope="module")
def prefix(resources: Resources) -> Iterator[str]:
    """Two models, configurations and failed endpoints named prefix-0 and prefix-1."""
    prefix = unique("listed")
    for number in range(2):
        name = f"{prefix}-{number}"
        resources.model(name)
        resources.config(name, name)
        resources.endpoint(name, name)
    yield prefix
    for number in range(2):
        resources.sagemaker.delete_endpoint(EndpointName=f"{prefix}-{number}")


@pytest.mark.parametrize(
    ("operation", "member", "name"),
    [
        ("list_models", "Models", "ModelName"),
        ("list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"),
        ("list_endpoints", "Endpoints", "EndpointName"),
    ],
)
def test_filters_and_order(resources: Resources, prefix: str, operation: str, member: str, name: str) -> None:
    def names(**members: Any) -> list[str]:
        answer = getattr(resources.sagemaker, operation)(NameContains=prefix, **members)
        return [entry[name].removeprefix(f"{prefix}-") for entry in answer[member]]

    assert names() == ["1", "0"]
    assert names(SortOrder="Ascending") == ["0", "1"]
    assert names(SortBy="Name", SortOrder="Descending") == ["1", "0"]
    answer = getattr(resources.sagemaker, operation)(NameContains=prefix, MaxResults=1)
    assert names(NextToken=answer["NextToken"], MaxResults=1) == ["0"]
    created = answer[member][0]["CreationTime"]
    assert names(CreationTimeBefore=created) == ["0"]
    assert names(CreationTimeAfter=created.replace(year=2100)) == []
    with pytest.raises(ClientError, match="Invalid NextToken"):
        names(NextToken="nonsense")


def test_endpoints_by_status_and_change(resources: Resources, prefix: str) -> None:
    def names(**members: Any) -> list[str]:
        listed = resources.sagemaker.list_endpoints(NameContains=prefix, **members)["Endpoints"]
        return [entry["EndpointName"] for entry in listed]

    assert len(names(StatusEquals="Failed", SortBy="Status")) == 2
    assert names(StatusEquals="InService") == []
    first = resources.sagemaker.describe_endpoint(EndpointName=f"{prefix}-0")["LastModifiedTime"]
    assert names(LastModifiedTimeAfter=first) == [f"{prefix}-1"]


def test_pages_go_on_after_a_restart(fresh_aws: LocalAws) -> None:
    resources = Resources(fresh_aws)
    for number in range(12):
        resources.model(f"model-{number:02}")
    seen = resources.sagemaker.list_models(MaxResults=5)
    found = resources.sagemaker.search(Resource="Model", MaxResults=5, SortBy="ModelName")
    fresh_aws.kill_everything()
    fresh_aws.up()
    resources = Resources(fresh_aws)
    resources.model("model-99")
    rest = resources.sagemaker.list_models(MaxResults=100, NextToken=seen["NextToken"])
    names = [model["ModelName"] for model in seen["Models"] + rest["Models"]]
    assert names == [f"model-{number:02}" for number in reversed(range(12))]
    rest = resources.sagemaker.search(
        Resource="Model", MaxResults=100, SortBy="ModelName", NextToken=found["NextToken"]
    )
    names = [record["Model"]["Model"]["ModelName"] for record in found["Results"] + rest["Results"]]
    assert names == [f"model-{number:02}" for number in reversed(range(12))]


def test_everything_can_be_tagged(resources: Resources, jobs: Jobs) -> None:
    sagemaker, name = resources.sagemaker, unique("tagged")
    given = {"Tags": [{"Key": "team", "Value": "pathology"}]}
    package = {"InferenceSpecification": {"Containers": [{"Image": resources.aws.image}]}}
    arns = [
        resources.model(name, **given),
        resources.config(name, name, **given),
        resources.endpoint(name, name, **given),
        sagemaker.create_model_package_group(ModelPackageGroupName=name, **given)["ModelPackageGroupArn"],
        sagemaker.create_model_package(ModelPackageName=name, **package, **given)["ModelPackageArn"],
        jobs.training(jobs.train("", **given))["TrainingJobArn"],
        sagemaker.describe_processing_job(ProcessingJobName=jobs.process("", **given))["ProcessingJobArn"],
    ]
    for arn in arns:
        sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "stage", "Value": "test"}])
        tags = {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}
        assert tags == {"team": "pathology", "stage": "test"}
        sagemaker.delete_tags(ResourceArn=arn, TagKeys=["team"])
        assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "stage", "Value": "test"}]
    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.delete_model(ModelName=name)
    resources.model(name)
    assert sagemaker.list_tags(ResourceArn=arns[0])["Tags"] == []
