"""An endpoint of its own for one test, models that answer with a text, and the task that deploys them."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import airflow_home  # noqa: F401  (before Airflow)
from local_aws import LocalAws, archive

from histoflow.hooks.endpoint import EndpointHook
from histoflow.operators.endpoint import SageMakerEndpointDeployOperator
from idc.deploy import rollout
from idc.deploy.hosting import VARIANT, EndpointSpec, production_variant
from idc.settings import Settings

ANSWERING = """
def model_fn(folder):
    return None

def transform_fn(model, data, content_type, accept):
    return '{text}', accept
"""
BROKEN = "def model_fn(d):\n    raise RuntimeError('these weights are of another network')\n"


class Endpoint:
    """An endpoint of its own for one test, and models for it."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.name = f"endpoint-{time.time_ns()}"
        self.sagemaker = aws.client("sagemaker")

    def spec(self, script: str, name: str = VARIANT, instances: int = 1) -> EndpointSpec:
        """A plain endpoint: nothing watches it, nothing scales it."""
        container = {
            "Image": self.aws.image,
            "ModelDataUrl": self.artifact(script),
            "Environment": {"SAGEMAKER_PROGRAM": "serve.py"},
        }
        model = {"ExecutionRoleArn": self.aws.role_arn, "PrimaryContainer": container}
        variant = production_variant(
            instance_type="ml.m5.large", instance_count=instances, name=name, startup_timeout_s=60
        )
        return EndpointSpec(self.name, model, variant)

    def guarded(self, script: str, name: str, *, keep: int = 3, **changes: Any) -> EndpointSpec:
        """An endpoint as the settings make it: rolled out, watched, scaled and captured."""
        values = {"rollout_wait_s": 1, "endpoint_instance_count": 1, **changes}
        settings = Settings(bucket=self.aws.bucket, role_arn=self.aws.role_arn, **values)
        return replace(
            self.spec(script, name, settings.endpoint_instance_count),
            capture=rollout.capture(settings),
            deployment=rollout.deployment(settings, settings.rollout),
            alarms=rollout.alarms(settings, self.name, name),
            scaling=rollout.scaling(settings, self.name, name),
            keep=keep,
        )

    def artifact(self, script: str) -> str:
        key = f"models/{self.name}/{abs(hash(script))}/model.tar.gz"
        self.aws.client("s3").put_object(Bucket=self.aws.bucket, Key=key, Body=archive(code__serve=script))
        return f"s3://{self.aws.bucket}/{key}"

    def answer(self) -> str:
        return EndpointHook().invoke(self.name, b"{}", "application/json")[0].decode()

    def status(self) -> str:
        return str(self.sagemaker.describe_endpoint(EndpointName=self.name)["EndpointStatus"])

    def configs(self) -> list[str]:
        found = self.sagemaker.list_endpoint_configs(NameContains=self.name)["EndpointConfigs"]
        return [one["EndpointConfigName"] for one in found]

    def models(self) -> list[str]:
        return [one["ModelName"] for one in self.sagemaker.list_models(NameContains=self.name)["Models"]]

    def alarms(self) -> set[str]:
        found = self.aws.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"{self.name}-")
        return {one["AlarmName"].removeprefix(f"{self.name}-") for one in found["MetricAlarms"]}

    def scaled(self) -> list[str]:
        scaling = self.aws.client("application-autoscaling")
        found = scaling.describe_scalable_targets(ServiceNamespace=rollout.NAMESPACE)["ScalableTargets"]
        whose = f"endpoint/{self.name}/variant/"
        return [one["ResourceId"].removeprefix(whose) for one in found if one["ResourceId"].startswith(whose)]


def saying(text: str) -> str:
    return ANSWERING.format(text=text)


def task(spec: EndpointSpec, **options: Any) -> SageMakerEndpointDeployOperator:
    return SageMakerEndpointDeployOperator(task_id="deploy", spec=spec.to_dict(), **options)
