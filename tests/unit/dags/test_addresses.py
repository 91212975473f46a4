"""The one switch: the same DAG files call Amazon, or whatever the endpoint variables name."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG

from histoflow import runs
from histoflow.hooks.aws import AwsHook
from histoflow.hooks.endpoint import EndpointHook
from histoflow.hooks.logs import LogsHook
from histoflow.hooks.registry import RegistryHook
from histoflow.hooks.retired import RetiredHook
from histoflow.hooks.sagemaker import SageMakerHook
from histoflow.hooks.traffic import AlarmHook, ScalingHook
from histoflow.triggers.sagemaker import SageMakerEndpointTrigger, SageMakerJobTrigger
from idc.settings import settings

DAGS = Path(__file__).resolve().parents[3] / "dags"
AMAZON = {
    "sagemaker": "https://api.sagemaker.us-east-1.amazonaws.com",
    "sagemaker-runtime": "https://runtime.sagemaker.us-east-1.amazonaws.com",
    "logs": "https://logs.us-east-1.amazonaws.com",
    "cloudwatch": "https://monitoring.us-east-1.amazonaws.com",
    "application-autoscaling": "https://application-autoscaling.us-east-1.amazonaws.com",
    "s3": "https://s3.amazonaws.com",
}
EDGE, S3 = "http://127.0.0.1:14566", "http://127.0.0.1:18333"


@pytest.fixture(autouse=True)
def credentials_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in list(os.environ):
        if name.startswith(("AWS_", "HISTOFLOW_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", '{"conn_type": "aws"}')
    monkeypatch.setenv("HISTOFLOW_BUCKET", "a-bucket")
    monkeypatch.setenv("HISTOFLOW_ROLE_ARN", "arn:aws:iam::123456789012:role/histoflow")
    settings.cache_clear()
    yield
    settings.cache_clear()


def addresses() -> dict[str, set[str]]:
    """Return where everything that a run of the DAGs uses would send its requests, by service."""
    hooks: list[AwsHook] = [SageMakerHook(), EndpointHook(), LogsHook(), AwsHook("sagemaker-runtime")]
    hooks += [AlarmHook(), ScalingHook(), RegistryHook(), RetiredHook()]
    for dag in _dags().values():
        for task in dag.tasks:
            vars(task).pop("hook", None)  # a task keeps its hook, and with it the address it had then
            hooks += [task.hook] if isinstance(getattr(task, "hook", None), AwsHook) else []
    found: dict[str, set[str]] = {"s3": {runs.store().client.meta.endpoint_url}}
    for hook in hooks:
        found.setdefault(hook.service_name, set()).add(hook.api.meta.endpoint_url)
    job = SageMakerJobTrigger(kind="TrainingJob", name="j", aws_conn_id="aws_default", region_name=None)
    endpoint = SageMakerEndpointTrigger(deadline=1, name="e", aws_conn_id="aws_default", region_name=None)
    for trigger in (job, endpoint):
        found["sagemaker"].add(asyncio.run(asynchronous_address(trigger._hook())))
    return found


@functools.cache
def _dags() -> dict[str, DAG]:
    return dict(DagBag(dag_folder=DAGS).dags)


async def asynchronous_address(hook: AwsHook) -> str:
    client: Any
    async with await hook.async_api() as client:
        return str(client.meta.endpoint_url)


def test_with_credentials_alone_everything_goes_to_amazon() -> None:
    assert addresses() == {service: {address} for service, address in AMAZON.items()}


def test_the_endpoint_variables_send_everything_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", EDGE)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", S3)

    assert addresses() == {service: {S3 if service == "s3" else EDGE} for service in AMAZON}


def test_the_connection_can_be_the_switch_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_AWS_DEFAULT", f'{{"conn_type": "aws", "extra": {{"endpoint_url": "{EDGE}"}}}}'
    )

    assert addresses() == {service: {EDGE} for service in AMAZON}


def test_another_region_is_another_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")

    assert addresses()["sagemaker"] == {"https://api.sagemaker.eu-west-1.amazonaws.com"}
