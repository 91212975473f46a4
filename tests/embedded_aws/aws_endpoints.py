"""Short ways to ask the embedded AWS for models and endpoints, and a model that echoes."""

from __future__ import annotations

import json
from typing import Any

from aws_jobs import unique
from botocore.exceptions import ClientError
from local_aws import archive, wait_until

ECHO = """
import json, os, time

def model_fn(model_dir):
    return os.environ.get("ANSWER", "none")

def input_fn(body, content_type):
    if content_type == "text/bad":
        raise ValueError("not this content")
    return body.decode()

def predict_fn(data, model):
    if data == "crash":
        raise RuntimeError("out of luck")
    if data == "hang":
        time.sleep(300)
    if data == "exit":
        os._exit(9)
    return {"model": model, "data": data, "pid": os.getpid()}

def output_fn(prediction, accept):
    return json.dumps(prediction), "application/json"
"""
BROKEN = "def model_fn(model_dir):\n    raise RuntimeError('weights are NaN')\n"


class Endpoints:
    """Makes models, configurations and endpoints."""

    def __init__(self, aws: Any) -> None:
        self.aws = aws
        self.sagemaker = aws.client("sagemaker")
        self.runtime = aws.client("sagemaker-runtime")
        self.s3 = aws.client("s3")

    def model(self, script: str, answer: str = "one") -> str:
        name = unique("model")
        key = f"models/{name}/model.tar.gz"
        self.s3.put_object(Bucket=self.aws.bucket, Key=key, Body=archive(code__inference=script))
        self.sagemaker.create_model(
            ModelName=name,
            PrimaryContainer={
                "Image": self.aws.image,
                "ModelDataUrl": f"s3://{self.aws.bucket}/{key}",
                "Environment": {"ANSWER": answer},
            },
            ExecutionRoleArn=self.aws.role_arn,
        )
        return name

    def config(
        self, *models: str, instances: int = 1, weights: tuple[float, ...] = (), **members: Any
    ) -> str:
        name = unique("config")
        variants = [
            {
                "VariantName": f"variant-{number}",
                "ModelName": model,
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": instances,
                "InitialVariantWeight": weights[number] if weights else 1.0,
            }
            for number, model in enumerate(models)
        ]
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants, **members)
        return name

    def create(self, config: str) -> str:
        name = unique("endpoint")
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
        return name

    def in_service(self, *models: str, **members: Any) -> str:
        """A new endpoint of the models, once it serves."""
        name = self.create(self.config(*models, **members))
        endpoint = self.settled(name)
        assert endpoint["EndpointStatus"] == "InService", endpoint.get("FailureReason")
        return name

    def settled(self, name: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            endpoint = self.sagemaker.describe_endpoint(EndpointName=name)
            return endpoint if endpoint["EndpointStatus"] in ("InService", "Failed") else None

        return wait_until(look)

    def describe(self, name: str) -> dict[str, Any]:
        return dict(self.sagemaker.describe_endpoint(EndpointName=name))

    def invoke(self, name: str, data: str = "x", **members: Any) -> dict[str, Any]:
        answer = self.runtime.invoke_endpoint(
            EndpointName=name, Body=data.encode(), **{"ContentType": "text/plain", **members}
        )
        return dict(json.loads(answer["Body"].read()))

    def delete(self, name: str) -> None:
        self.sagemaker.delete_endpoint(EndpointName=name)

        def is_gone() -> bool:
            try:
                self.sagemaker.describe_endpoint(EndpointName=name)
            except ClientError as error:
                return "Could not find endpoint" in str(error)
            return False

        wait_until(is_gone)
