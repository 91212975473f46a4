"""The REST API's real process in front of an endpoint of registered models whose answers are known."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import served_api
import structlog
from aws_endpoints import Endpoints
from aws_jobs import unique
from local_aws import LocalAws, archive, everything_sent_to
from PIL import Image
from starlette.testclient import TestClient

from idc.evaluate.served_model import ServedModel
from idc.serving.api import create_app
from idc.serving.keyring import Keyring
from idc.settings import ApiSettings

# A logistic regression on how much less red than blue a patch is. A patch all of the colour HANG, CRASH or
# NOT_A_NUMBER makes it misbehave.
SCRIPT = """
import io, json, math, os, time

from PIL import Image
from starlette.testclient import TestClient

def model_fn(model_dir):
    return json.loads(os.environ["ANSWER"])

def input_fn(body, content_type):
    assert content_type == "application/x-image"
    image = Image.open(io.BytesIO(body))
    assert (image.size, image.mode) == ((50, 50), "RGB")
    return image.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))

def predict_fn(colour, weights):
    if colour == (1, 2, 3):
        time.sleep(300)
    if colour == (3, 2, 1):
        raise RuntimeError("out of luck")
    if colour == (1, 1, 1):
        return [math.nan, math.nan]
    red, _, blue = colour
    one = 1 / (1 + math.exp(-(weights[0] * (blue - red) / 255 + weights[1])))
    return [1 - one, one]

def output_fn(prediction, accept):
    return json.dumps(prediction), "application/json"
"""
HANG, CRASH, NOT_A_NUMBER = (1, 2, 3), (3, 2, 1), (1, 1, 1)
PINK, VIOLET, WHITE = (235, 150, 180), (120, 70, 170), (245, 245, 245)
WEIGHTS = (8.0, 0.0)
CARD = "<!doctype html><title>Model card</title><script>alert(1)</script>"


@dataclass
class Api(served_api.ServedApi):
    """The process with settings of a test, and ways to ask it."""

    settings: dict[str, str] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, str]:
        return {**super().variables, **self.settings}

    @property
    def log(self) -> str:
        return (self.home / "api.log").read_text()

    def make_key(self, tenant: str, scopes: str) -> str:
        keyring = Keyring(self.home / "api")
        try:
            return keyring.create(tenant, scopes.split(","))
        finally:
            keyring.close()

    def client(self, key: str | None = None, **options: Any) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key or self.key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False, **options)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)


@dataclass
class Fleet:
    """One endpoint, and the registered versions that have been put behind it."""

    endpoints: Endpoints
    name: str = field(default_factory=lambda: unique("rest"))
    count: int = 0

    def version(self, weights: tuple[float, float] = WEIGHTS, **changes: Any) -> tuple[str, str]:
        """Register a model; its model's and its production variant's name."""
        aws = self.endpoints.aws
        if not self.count:
            self.endpoints.sagemaker.create_model_package_group(ModelPackageGroupName=self.name)
        self.count += 1
        base = f"candidates/2026-11/{self.name}-{self.count}"
        files = {
            "model.tar.gz": archive(code__inference=SCRIPT), "card.html": CARD.encode(),
            "card.json": json.dumps({"version": self.count}).encode(),
        }  # fmt: skip
        for file, body in files.items():
            self.endpoints.s3.put_object(Bucket=aws.bucket, Key=f"{base}/{file}", Body=body)
        uri = f"s3://{aws.bucket}/{base}"
        package = self.endpoints.sagemaker.create_model_package(
            ModelPackageGroupName=self.name,
            InferenceSpecification={
                "Containers": [
                    {
                        "Image": aws.image, "ModelDataUrl": f"{uri}/model.tar.gz",
                        "Environment": {"ANSWER": json.dumps(weights)},
                    }
                ],
                "SupportedContentTypes": ["application/x-image"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
            ModelApprovalStatus="Approved",
            CustomerMetadataProperties=metadata(uri, **changes).to_metadata(),
        )["ModelPackageArn"]  # fmt: skip
        model = unique("model")
        self.endpoints.sagemaker.create_model(
            ModelName=model, PrimaryContainer={"ModelPackageName": package},
            ExecutionRoleArn=aws.role_arn,
        )  # fmt: skip
        return model, f"v{self.count}-mxnet"

    def config(self, model: str, variant: str, instances: int = 1, **members: Any) -> str:
        name = unique("config")
        self.endpoints.sagemaker.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[
                {
                    "VariantName": variant, "ModelName": model, "InstanceType": "ml.m5.large",
                    "InitialInstanceCount": instances,
                }
            ],
            **members,
        )  # fmt: skip
        return name

    def create(self, config: str) -> None:
        self.endpoints.sagemaker.create_endpoint(EndpointName=self.name, EndpointConfigName=config)
        assert self.endpoints.settled(self.name)["EndpointStatus"] == "InService"


def metadata(uri: str, **changes: Any) -> ServedModel:
    """What the registry says of a model."""
    values: dict[str, Any] = {
        "variant": "mxnet", "partition": "2026-11", "dataset_digest": "d" * 64, "training_job": "job",
        "tuning_job": "", "model_data": f"{uri}/model.tar.gz", "model_sha256": "5" * 64, "threshold": 0.5,
        "temperature": 2.0, "bias": 0.25, "synthetic": True, "code_digest": "c" * 64,
        "metrics_uri": f"{uri}/metrics.json", "card_uri": f"{uri}/card.json",
        "report_uri": f"{uri}/report.html",
    }  # fmt: skip
    return ServedModel(**{**values, **changes})


@contextmanager
def api(aws: LocalAws, endpoint: str, home: Path, **settings: str) -> Iterator[Api]:
    """Run the process in front of the endpoint."""
    home.mkdir(parents=True, exist_ok=True)
    given = {f"HISTOFLOW_API_{name.upper()}": value for name, value in settings.items()}
    running = Api(aws, home, endpoint, settings=given)
    try:
        running.up()
        yield running
    finally:
        running.down()


@contextmanager
def in_process(aws: LocalAws, endpoint: str, home: Path, **settings: Any) -> Iterator[TestClient]:
    """Run the application in this process, in front of the endpoint."""
    values = {"home": home, "bucket": aws.bucket, "endpoint_name": endpoint, **settings}
    with everything_sent_to(aws):
        app = create_app(ApiSettings(**values))
    key = app.state.keyring.create("tests", ["predict", "slides", "feedback"])
    headers = {"Authorization": f"Bearer {key}"}
    client = TestClient(app, headers=headers, raise_server_exceptions=False)
    with structlog.testing.capture_logs(), client:
        yield client


def expected(colour: tuple[int, int, int], weights: tuple[float, float] = WEIGHTS, **changes: Any) -> float:
    """The calibrated probability for a patch of this colour."""
    served = metadata("s3://b/k", **changes)
    logit = weights[0] * (colour[2] - colour[0]) / 255 + weights[1]
    return 1 / (1 + math.exp(-(logit / served.temperature + served.bias)))


def patch(colour: tuple[int, int, int], size: tuple[int, int] = (50, 50), texture: int = 0) -> np.ndarray:
    """Pixels of one colour, with a texture that leaves their mean as it is."""
    pixels = np.full((size[1], size[0], 3), colour, dtype=np.int16)
    pixels[::2] += texture
    pixels[1::2] -= texture
    return pixels.clip(0, 255).astype(np.uint8)


def image(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    """Pixels as a file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()
