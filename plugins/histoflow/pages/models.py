"""What the page of all models asks for: partitions, history, tuning and the endpoint."""

from __future__ import annotations

from typing import Annotated, Any

from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response, status

from histoflow.hooks.aws import aws_errors
from histoflow.hooks.page import found
from histoflow.pages.answers import answer
from histoflow.pages.sources import sources
from idc.dashboard import endpoint, partitions, timeline, tuning
from idc.errors import ConfigurationError, HistoflowError
from idc.settings import settings

DAG_ID = "idc_deploy"  # who may read the DAG that compares and deploys may read what it found
VERSIONS = 12

router = APIRouter(prefix="/api", dependencies=[Depends(requires_access_dag("GET", param_dag_id=DAG_ID))])


@router.get("/partitions")
def read_history(request: Request, metric: Annotated[str, Query(max_length=63)] = "") -> Response:
    """Answer with the metrics of the newest partitions, and with one of them drawn."""
    try:
        shown = timeline.history(sources().documents, metric)
    except ConfigurationError as error:
        raise HTTPException(status.HTTP_404_NOT_FOUND, str(error)) from error
    return answer(request, shown)


@router.get("/partitions/{partition}")
def read_partition(request: Request, partition: str) -> Response:
    """Answer with everything on one partition's candidates."""
    try:
        shown = partitions.partition(sources().documents, partition)
    except ConfigurationError as error:
        raise HTTPException(status.HTTP_404_NOT_FOUND, str(error)) from error
    return answer(request, shown)


@router.get("/tuning")
def read_tuning(request: Request) -> Response:
    """Answer with what each variant is tuned to, and was before."""
    return answer(request, tuning.tuned(sources().documents))


@router.get("/endpoint")
def read_endpoint(request: Request) -> Response:
    """Answer with the endpoint and the registered model versions, each with its own problem, if any."""
    problems: list[str] = []
    name = settings().endpoint_name
    told: dict[str, Any] = {"name": name, "endpoint": None, "versions": []}
    for part, read in (("endpoint", lambda: _endpoint(name)), ("versions", _versions)):
        try:
            told[part] = read()
        except HistoflowError as error:
            problems.append(str(error))
    return answer(request, {**told, "problems": problems})


def _endpoint(name: str) -> dict[str, Any] | None:
    api = sources().client("sagemaker")
    described = found(api.describe_endpoint, "endpoint", name, EndpointName=name)
    if described is None:
        return None
    with aws_errors("endpoint", name):
        parts = [described, described.get("PendingDeploymentSummary", {})]
        names = [one["EndpointConfigName"] for one in parts if "EndpointConfigName" in one]
        configs = [api.describe_endpoint_config(EndpointConfigName=one) for one in names]
    config = {"ProductionVariants": [one for each in configs for one in each.get("ProductionVariants", [])]}
    packages = dict(sources().executor.map(_package, endpoint.model_names(config)))
    return endpoint.shown(described, config, {model: one for model, one in packages.items() if one})


def _package(model: str) -> tuple[str, dict[str, Any] | None]:
    """Return a model's name with the model package it was made of, if it was and that can be read."""
    api = sources().client("sagemaker")
    try:
        arn = endpoint.package_of(found(api.describe_model, "model", model, ModelName=model) or {})
        read = api.describe_model_package
        return model, found(read, "model package", arn, ModelPackageName=arn) if arn else None
    except HistoflowError:
        return model, None


def _versions() -> list[dict[str, Any]]:
    """Return the newest registered versions; one call gives their metadata too."""
    group = settings().model_package_group
    with aws_errors("model versions of group", group):
        answered = (
            sources()
            .client("sagemaker")
            .search(
                Resource="ModelPackage",
                SearchExpression={
                    "Filters": [{"Name": "ModelPackageGroupName", "Operator": "Equals", "Value": group}]
                },
                SortBy="CreationTime",
                SortOrder="Descending",
                MaxResults=VERSIONS,
            )
        )
    return [endpoint.version(one["ModelPackage"]) for one in answered["Results"]]
