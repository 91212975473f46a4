"""Search finds resources by their properties, tags, metrics and hyperparameters."""

from __future__ import annotations

from typing import Any

import pytest
from aws_jobs import Jobs, unique
from botocore.exceptions import ClientError
from local_aws import LocalAws

METRIC = {"Name": "accuracy", "Regex": "accuracy=([0-9.]+)"}


@pytest.fixture(scope="module")
def tag() -> str:
    """The value of a tag only this file's resources have."""
    return unique("search")


@pytest.fixture(scope="module")
def trained(jobs: Jobs, tag: str) -> list[str]:
    """Three training jobs: 0 and 2 print a metric, 1 fails."""
    names = []
    for number in range(3):
        script = f"print('accuracy=0.{number + 5}')" if number != 1 else "raise SystemExit(3)"
        request = jobs.training_request(script, HyperParameters={"epochs": str(number), "lr": "0.10"})
        request["AlgorithmSpecification"]["MetricDefinitions"] = [METRIC]
        request["Tags"] = [{"Key": "of.test", "Value": tag}]
        jobs.sagemaker.create_training_job(**request)
        names.append(request["TrainingJobName"])
    for name in names:
        jobs.ended(name)
    return names


def found(jobs: Jobs, tag: str, *filters: tuple[str, ...], **members: Any) -> list[str]:
    """The names of this file's training jobs that satisfy the filters."""
    expression = members.pop("SearchExpression", {})
    own = {"Filters": [{"Name": "Tags.of.test", "Value": tag}]}
    given = [dict(zip(("Name", "Operator", "Value"), item, strict=False)) for item in filters]
    expression = {**expression, **({"Filters": given} if given else {})}
    parts = [own, expression] if expression else [own]
    answer = jobs.sagemaker.search(
        Resource="TrainingJob",
        SearchExpression={"SubExpressions": parts},
        **{"SortBy": "CreationTime", "SortOrder": "Ascending", **members},
    )
    return [record["TrainingJob"]["TrainingJobName"] for record in answer["Results"]]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([("TrainingJobStatus", "Equals", "Completed")], [0, 2]),
        ([("TrainingJobStatus", "NotEquals", "Completed")], [1]),
        ([("TrainingJobStatus", "In", "Failed, Stopped")], [1]),
        ([("FailureReason", "Exists")], [1]),
        ([("FailureReason", "NotExists")], [0, 2]),
        ([("FailureReason", "Contains", "exit code: 3")], [1]),
        ([("Metrics.accuracy", "GreaterThan", "0.5")], [2]),
        ([("Metrics.accuracy", "GreaterThanOrEqualTo", "0.5")], [0, 2]),
        ([("HyperParameters.epochs", "LessThan", "2")], [0, 1]),
        (
            [("HyperParameters.lr", "Equals", "0.1"), ("HyperParameters.epochs", "LessThanOrEqualTo", "0")],
            [0],
        ),
        ([("CreationTime", "GreaterThan", "2020-01-01T00:00:00Z")], [0, 1, 2]),
        ([("CreationTime", "LessThan", "2020-01-01")], []),
        ([("ResourceConfig.InstanceCount", "Equals", "1")], [0, 1, 2]),
    ],
)
def test_filters(
    jobs: Jobs, tag: str, trained: list[str], filters: list[tuple[str, ...]], expected: list[int]
) -> None:
    assert found(jobs, tag, *filters) == [trained[number] for number in expected]


def test_expressions(jobs: Jobs, tag: str, trained: list[str]) -> None:
    failed = {"Filters": [{"Name": "TrainingJobStatus", "Value": "Failed"}]}
    good = {"Filters": [{"Name": "Metrics.accuracy", "Operator": "GreaterThan", "Value": "0.6"}]}
    either = {"SubExpressions": [failed, good], "Operator": "Or"}
    assert found(jobs, tag, SearchExpression=either) == trained[1:]
    assert found(jobs, tag, SearchExpression={**either, "Operator": "And"}) == []

    def metric(name: str, value: str) -> dict[str, Any]:
        prefix = "FinalMetricDataList"
        filters = [
            {"Name": f"{prefix}.MetricName", "Operator": "Equals", "Value": name},
            {"Name": f"{prefix}.Value", "Operator": "Equals", "Value": value},
        ]
        return {"NestedFilters": [{"NestedPropertyName": prefix, "Filters": filters}]}

    assert found(jobs, tag, SearchExpression=metric("accuracy", "0.7")) == [trained[2]]
    assert found(jobs, tag, SearchExpression=metric("other", "0.7")) == []


def test_order_and_pages(jobs: Jobs, tag: str, trained: list[str]) -> None:
    assert found(jobs, tag, SortBy="Metrics.accuracy", SortOrder="Descending") == [
        trained[2],
        trained[0],
        trained[1],
    ]
    pages = jobs.sagemaker.get_paginator("search").paginate(
        Resource="TrainingJob",
        SearchExpression={"Filters": [{"Name": "Tags.of.test", "Value": tag}]},
        SortBy="HyperParameters.epochs",
        SortOrder="Ascending",
        PaginationConfig={"PageSize": 2},
    )
    answers = list(pages)
    assert [len(answer["Results"]) for answer in answers] == [2, 1]
    assert [answer["TotalHits"]["Value"] for answer in answers] == [3, 3]
    first = answers[0]["Results"][0]["TrainingJob"]
    assert first["TrainingJobName"] == trained[0]
    assert first["Tags"] == [{"Key": "of.test", "Value": tag}]


def test_other_resources(embedded_aws: LocalAws) -> None:
    sagemaker, name = embedded_aws.client("sagemaker"), unique("searched")
    container = {"Image": embedded_aws.image}
    sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=embedded_aws.role_arn)
    sagemaker.create_model_package_group(ModelPackageGroupName=name)
    for status in ("Approved", "Rejected"):
        sagemaker.create_model_package(
            ModelPackageGroupName=name,
            ModelApprovalStatus=status,
            InferenceSpecification={"Containers": [container]},
        )

    def search(resource: str, *filters: tuple[str, str]) -> list[dict[str, Any]]:
        given = [{"Name": key, "Operator": "Equals", "Value": value} for key, value in filters]
        answer = sagemaker.search(Resource=resource, SearchExpression={"Filters": given})
        return [record[resource] for record in answer["Results"]]

    assert [item["Model"]["ModelName"] for item in search("Model", ("ModelName", name))] == [name]
    assert len(search("Model", ("Model.ModelName", name))) == 1
    assert len(search("ModelPackageGroup", ("ModelPackageGroupName", name))) == 1
    packages = search("ModelPackage", ("ModelPackageGroupName", name), ("ModelApprovalStatus", "Approved"))
    assert [package["ModelPackageVersion"] for package in packages] == [1]
    assert search("Endpoint", ("EndpointName", name)) == []
    assert sagemaker.search(Resource="Experiment")["Results"] == []


def test_what_is_refused(embedded_aws: LocalAws) -> None:
    sagemaker = embedded_aws.client("sagemaker")
    for expression, words in (
        ({"Filters": [{"Name": "Nonsense", "Value": "1"}]}, "Unknown property name: Nonsense"),
        ({"Filters": [{"Name": "TrainingJobName"}]}, "must specify a Value"),
        ({"Operator": "Or"}, "expected 1 to 20"),
    ):
        with pytest.raises(ClientError, match=words) as refused:
            sagemaker.search(Resource="TrainingJob", SearchExpression=expression)
        assert refused.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(ClientError, match="Invalid NextToken"):
        sagemaker.search(Resource="TrainingJob", NextToken="bm9uc2Vuc2U=")
