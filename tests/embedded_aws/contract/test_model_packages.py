"""The model registry: groups, versions, approval, and models made from what it holds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_jobs import unique
from botocore.exceptions import ClientError
from local_aws import LocalAws, archive, wait_until

ACCOUNT = "arn:aws:sagemaker:us-east-1:123456789012"
ANSWERS = """
import os

def model_fn(model_dir):
    return lambda data: [os.environ["ANSWER"]]
"""
METRICS = {
    "ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": "s3://b/metrics.json"}}
}


class Registry:
    """Registers models."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.sagemaker = aws.client("sagemaker")

    def group(self, **members: Any) -> str:
        name = unique("group")
        self.sagemaker.create_model_package_group(ModelPackageGroupName=name, **members)
        return name

    def specification(self, **container: Any) -> dict[str, Any]:
        return {
            "Containers": [{"Image": self.aws.image, **container}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["application/json"],
        }

    def register(self, **members: Any) -> str:
        request = {"InferenceSpecification": self.specification(), **members}
        return str(self.sagemaker.create_model_package(**request)["ModelPackageArn"])

    def describe(self, name: str) -> dict[str, Any]:
        return dict(self.sagemaker.describe_model_package(ModelPackageName=name))

    def versions(self, group: str, **members: Any) -> list[int]:
        found = self.sagemaker.list_model_packages(ModelPackageGroupName=group, **members)
        return [package["ModelPackageVersion"] for package in found["ModelPackageSummaryList"]]

    def model(self, **container: Any) -> str:
        name = unique("model")
        self.sagemaker.create_model(
            ModelName=name, PrimaryContainer=container, ExecutionRoleArn=self.aws.role_arn
        )
        return name


@pytest.fixture(scope="module")
def registry(embedded_aws: LocalAws) -> Registry:
    return Registry(embedded_aws)


def test_groups(registry: Registry) -> None:
    name = registry.group(ModelPackageGroupDescription="of a test", Tags=[{"Key": "a", "Value": "1"}])
    group = registry.sagemaker.describe_model_package_group(ModelPackageGroupName=name)
    arn = f"{ACCOUNT}:model-package-group/{name}"
    assert (group["ModelPackageGroupArn"], group["ModelPackageGroupStatus"]) == (arn, "Completed")
    assert registry.sagemaker.describe_model_package_group(ModelPackageGroupName=arn)["CreatedBy"] == {}
    assert registry.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "1"}]
    with pytest.raises(ClientError, match=f"Model Package Group already exists: {arn}") as taken:
        registry.sagemaker.create_model_package_group(ModelPackageGroupName=name)
    assert taken.value.response["Error"]["Code"] == "ValidationException"
    listed = registry.sagemaker.list_model_package_groups(NameContains=name)["ModelPackageGroupSummaryList"]
    assert [entry["ModelPackageGroupDescription"] for entry in listed] == ["of a test"]

    version = registry.register(ModelPackageGroupName=name)
    with pytest.raises(registry.sagemaker.exceptions.ConflictException, match=name):
        registry.sagemaker.delete_model_package_group(ModelPackageGroupName=name)
    registry.sagemaker.delete_model_package(ModelPackageName=version)
    registry.sagemaker.delete_model_package_group(ModelPackageGroupName=name)
    with pytest.raises(ClientError, match=f"ModelPackageGroup {arn} does not exist."):
        registry.sagemaker.describe_model_package_group(ModelPackageGroupName=name)


def test_versions_of_a_group(registry: Registry) -> None:
    group = registry.group()
    kept = {
        "ModelPackageDescription": "first",
        "ModelMetrics": METRICS,
        "MetadataProperties": {"CommitId": "abc"},
        "CustomerMetadataProperties": {"digest": "1", "seed": "2"},
        "DriftCheckBaselines": {"ModelQuality": METRICS["ModelQuality"]},
        "SourceUri": "s3://b/source",
        "ModelCard": {"ModelCardContent": "{}", "ModelCardStatus": "Draft"},
        "Domain": "COMPUTER_VISION",
        "Task": "IMAGE_CLASSIFICATION",
        "SamplePayloadUrl": "s3://b/sample",
        "SkipModelValidation": "All",
    }
    first = registry.register(ModelPackageGroupName=group, **kept)
    assert first == f"{ACCOUNT}:model-package/{group}/1"
    package = registry.describe(first)
    assert {name: package[name] for name in kept} == kept
    assert (package["ModelPackageGroupName"], package["ModelPackageVersion"]) == (group, 1)
    assert (package["ModelPackageStatus"], package["ModelApprovalStatus"]) == (
        "Completed",
        "PendingManualApproval",
    )
    assert package["ModelPackageStatusDetails"] == {"ValidationStatuses": [], "ImageScanStatuses": []}
    assert package["InferenceSpecification"] == registry.specification()

    second = registry.register(ModelPackageGroupName=f"{ACCOUNT}:model-package-group/{group}")
    assert second.endswith("/2")
    registry.sagemaker.delete_model_package(ModelPackageName=second)
    assert registry.register(ModelPackageGroupName=group).endswith("/3")
    with pytest.raises(ClientError, match=f"ModelPackage {second} does not exist."):
        registry.describe(second)

    found = registry.sagemaker.batch_describe_model_package(ModelPackageArnList=[first, second])
    assert found["ModelPackageSummaries"][first]["ModelPackageVersion"] == 1
    assert found["BatchDescribeModelPackageErrorMap"][second]["ErrorCode"] == "ValidationException"


def test_the_same_token_is_the_same_version(registry: Registry) -> None:
    group, token = registry.group(), unique("token")
    first = registry.register(ModelPackageGroupName=group, ClientToken=token)

    assert registry.register(ModelPackageGroupName=group, ClientToken=token) == first
    assert registry.register(ModelPackageGroupName=group, ClientToken=unique("token")).endswith("/2")
    assert "ClientToken" not in registry.describe(first)


def test_update(registry: Registry) -> None:
    arn = registry.register(
        ModelPackageGroupName=registry.group(), CustomerMetadataProperties={"a": "1", "b": "2"}
    )
    registered = registry.describe(arn)["LastModifiedTime"]
    registry.sagemaker.update_model_package(
        ModelPackageArn=arn,
        ModelApprovalStatus="Approved",
        ApprovalDescription="good enough",
        CustomerMetadataProperties={"b": "3", "c": "4"},
        CustomerMetadataPropertiesToRemove=["a"],
        ModelCard={"ModelCardContent": "{}"},
        SourceUri="s3://b/other",
    )
    registry.sagemaker.update_model_package(ModelPackageArn=arn, ModelCard={"ModelCardStatus": "Approved"})
    package = registry.describe(arn)
    assert (package["ModelApprovalStatus"], package["ApprovalDescription"]) == ("Approved", "good enough")
    assert package["CustomerMetadataProperties"] == {"b": "3", "c": "4"}
    assert package["ModelCard"] == {"ModelCardContent": "{}", "ModelCardStatus": "Approved"}
    assert package["SourceUri"] == "s3://b/other"
    assert package["LastModifiedTime"] > registered

    extra = {"Name": "big", "Containers": [{"Image": registry.aws.image}]}
    registry.sagemaker.update_model_package(
        ModelPackageArn=arn, AdditionalInferenceSpecificationsToAdd=[extra]
    )
    with pytest.raises(ClientError, match="Duplicate names"):
        registry.sagemaker.update_model_package(
            ModelPackageArn=arn, AdditionalInferenceSpecificationsToAdd=[extra]
        )
    assert registry.describe(arn)["AdditionalInferenceSpecifications"] == [extra]


def test_lists(registry: Registry) -> None:
    group = registry.group()
    for number in range(11):
        status = "Approved" if number % 2 else "Rejected"
        registry.register(ModelPackageGroupName=group, ModelApprovalStatus=status)
    alone = unique("alone")
    registry.register(ModelPackageName=alone)

    assert registry.versions(group) == list(range(11, 1, -1))
    assert registry.versions(group, SortBy="Name", SortOrder="Ascending", MaxResults=11) == list(range(1, 12))
    assert registry.versions(group, ModelApprovalStatus="Approved") == [10, 8, 6, 4, 2]
    pages = registry.sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, SortOrder="Ascending", PaginationConfig={"PageSize": 4}
    )
    found = [page["ModelPackageSummaryList"] for page in pages]
    assert [[package["ModelPackageVersion"] for package in page] for page in found] == [
        [1, 2, 3, 4],
        [5, 6, 7, 8],
        [9, 10, 11],
    ]

    def count(contains: str, **members: Any) -> int:
        answer = registry.sagemaker.list_model_packages(NameContains=contains, MaxResults=100, **members)
        return len(answer["ModelPackageSummaryList"])

    assert (count(alone), count(group)) == (1, 0)
    assert count(group, ModelPackageType="Versioned") == 11
    assert (count(alone, ModelPackageType="Both"), count(group, ModelPackageType="Both")) == (1, 11)


def test_what_is_refused(registry: Registry) -> None:
    group, name = registry.group(), unique("package")
    for members, words in (
        ({"ModelPackageGroupName": group, "ModelPackageName": name}, "Cannot determine which one to use"),
        ({}, "Missing ARN"),
        ({"ModelPackageGroupName": "absent"}, "model-package-group/absent does not exist"),
        ({"ModelPackageGroupName": group, "Tags": [{"Key": "a", "Value": "b"}]}, "Tags cannot be specified"),
    ):
        with pytest.raises(ClientError, match=words) as refused:
            registry.register(**members)
        assert refused.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(ClientError, match="InferenceSpecification"):
        registry.sagemaker.create_model_package(ModelPackageName=name)
    algorithms = {"SourceAlgorithms": [{"AlgorithmName": "absent"}]}
    with pytest.raises(ClientError, match='Could not find algorithm "absent"'):
        registry.sagemaker.create_model_package(
            ModelPackageName=name, SourceAlgorithmSpecification=algorithms
        )
    registry.register(ModelPackageName=name, Tags=[{"Key": "a", "Value": "b"}])
    with pytest.raises(ClientError, match="Model Package already exists"):
        registry.register(ModelPackageName=name)


def test_validation_profiles_are_kept_but_not_run(registry: Registry) -> None:
    data = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/in"}}
    definition = {
        "TransformInput": {"DataSource": data},
        "TransformOutput": {"S3OutputPath": "s3://b/out"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
    profiles = [{"ProfileName": "check", "TransformJobDefinition": definition}]
    validation = {"ValidationRole": registry.aws.role_arn, "ValidationProfiles": profiles}
    package = registry.describe(
        registry.register(ModelPackageName=unique("package"), ValidationSpecification=validation)
    )
    assert package["ModelPackageStatus"] == "Completed"
    assert package["ValidationSpecification"] == validation
    assert package["ModelPackageStatusDetails"]["ValidationStatuses"] == [
        {"Name": "check", "Status": "NotStarted"}
    ]


def test_only_an_approved_version_becomes_a_model(registry: Registry) -> None:
    arn = registry.register(ModelPackageGroupName=registry.group())
    for status in ("PendingManualApproval", "Rejected"):
        registry.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus=status)
        with pytest.raises(ClientError, match=f"ModelApprovalStatus is {status}, expected Approved"):
            registry.model(ModelPackageName=arn)
    registry.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    model = registry.sagemaker.describe_model(ModelName=registry.model(ModelPackageName=arn))
    assert model["PrimaryContainer"] == {"ModelPackageName": arn}
    with pytest.raises(ClientError, match="one of either Image and Model Data URL or ModelPackageName"):
        registry.model(ModelPackageName=arn, Image=registry.aws.image)
    with pytest.raises(ClientError, match="does not exist"):
        registry.model(ModelPackageName=f"{arn}00")
    with pytest.raises(ClientError, match="Could not find inference specification other"):
        registry.model(ModelPackageName=arn, InferenceSpecificationName="other")


def test_an_environment_comes_from_one_of_the_two(registry: Registry) -> None:
    name = unique("package")
    registry.register(
        ModelPackageName=name, InferenceSpecification=registry.specification(Environment={"A": "1"})
    )
    with pytest.raises(ClientError, match=r"both at Model Package \{A=1\} and Model \{B=2\}"):
        registry.model(ModelPackageName=name, Environment={"B": "2"})
    registry.model(ModelPackageName=name)


def test_an_endpoint_serves_a_registered_model(registry: Registry) -> None:
    aws, sagemaker = registry.aws, registry.sagemaker
    name = unique("registered")
    key = f"models/{name}/model.tar.gz"
    aws.client("s3").put_object(Bucket=aws.bucket, Key=key, Body=archive(code__inference=ANSWERS))
    specification = registry.specification(ModelDataUrl=f"s3://{aws.bucket}/{key}")
    arn = registry.register(
        ModelPackageGroupName=registry.group(),
        InferenceSpecification=specification,
        ModelApprovalStatus="Approved",
    )
    model = unique("model")
    containers = [{"ModelPackageName": arn, "Environment": {"ANSWER": "from the registry"}}]
    sagemaker.create_model(ModelName=model, Containers=containers, ExecutionRoleArn=aws.role_arn)
    sagemaker.delete_model_package(ModelPackageName=arn)
    variant = {
        "VariantName": "v",
        "ModelName": model,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    wait_until(lambda: sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] != "Creating")
    answer = aws.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=name, Body=b"[1]", ContentType="application/json"
    )
    assert json.loads(answer["Body"].read()) == ["from the registry"]
    sagemaker.delete_endpoint(EndpointName=name)
