"""A REST API of its own for tests: the real process, in front of an endpoint of a registered model."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import local_aws
from local_aws import LocalAws, wait_until

from idc.evaluate.served_model import ServedModel

# A model for generated tissue: class 1 has more nuclei, which are dark, in nests.
NUCLEI = """
import io, json, math

import numpy
from PIL import Image

def model_fn(model_dir):
    return None

def input_fn(body, content_type):
    return numpy.asarray(Image.open(io.BytesIO(body)).convert("RGB"))

def predict_fn(pixels, model):
    share = float((pixels[..., 0] < 130).mean())
    return 1 / (1 + math.exp(-60 * (share - 0.085)))

def output_fn(one, accept):
    return json.dumps([1 - one, one]), "application/json"
"""
VARIANT = "v1-mxnet"
CARD = {
    "model": "mxnet 2026-11",
    "intended_use": "Research on generated tissue.",
    "not_intended_for": ["Diagnosis", "Any decision about a patient"],
    "metrics": {"balanced_accuracy": {"value": 0.84211, "low": 0.8012, "high": 0.8733}},
}
CARD_PAGE = "<!doctype html><title>Card</title><h1>Research software, not a diagnostic device.</h1>"


@dataclass
class ServedApi:
    """The process, and keys for it."""

    aws: LocalAws
    home: Path
    endpoint: str
    port: int = field(default_factory=lambda: _free_port())
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @cached_property
    def key(self) -> str:
        return self.make_key("tests", "predict,slides,feedback")

    @property
    def variables(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {
            **kept,
            **self.aws.env,
            "PYTHONPATH": str(local_aws.REPOSITORY / "include"),
            "HISTOFLOW_HOME": str(self.home),
            "HISTOFLOW_BUCKET": self.aws.bucket,
            "HISTOFLOW_ENDPOINT_NAME": self.endpoint,
            "HISTOFLOW_API_PORT": str(self.port),
        }

    def make_key(self, tenant: str, scopes: str) -> str:
        command = [local_aws.interpreter("serving"), "-m", "idc.serving.keys", "create", tenant]
        done = subprocess.run(
            [*command, "--scopes", scopes], env=self.variables, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def up(self) -> ServedApi:
        """Start it, and wait until it has found the model."""
        with (self.home / "api.log").open("ab") as log:
            self.process = subprocess.Popen(
                [local_aws.interpreter("serving"), "-m", "idc.serving"],
                env=self.variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_until(self._is_ready, 60)
        return self

    def down(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=30)

    def _is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.home / "api.log").read_text()[-3000:]
        try:
            return httpx.get(f"{self.url}/readyz", timeout=10, trust_env=False).is_success
        except httpx.TransportError:
            return False


def start(aws: LocalAws, home: Path, threshold: float = 0.4) -> ServedApi:
    """Register the model, put it behind an endpoint, and serve that."""
    home.mkdir(parents=True, exist_ok=True)
    endpoint = f"api-{os.urandom(4).hex()}"
    package = _registered(aws, endpoint, threshold)
    sagemaker = aws.client("sagemaker")
    sagemaker.create_model(
        ModelName=endpoint, PrimaryContainer={"ModelPackageName": package}, ExecutionRoleArn=aws.role_arn
    )
    variant = {
        "VariantName": VARIANT,
        "ModelName": endpoint,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    sagemaker.create_endpoint_config(EndpointConfigName=endpoint, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=endpoint)
    return ServedApi(aws, home, endpoint).up()


def _registered(aws: LocalAws, name: str, threshold: float) -> str:
    """Return the ARN of a model package of the model, with a card beside it."""
    s3, base = aws.client("s3"), f"candidates/2026-11/{name}"
    files: dict[str, bytes] = {
        "model.tar.gz": local_aws.archive(code__inference=NUCLEI),
        "card.json": json.dumps(CARD).encode(),
        "card.html": CARD_PAGE.encode(),
    }
    for file, body in files.items():
        s3.put_object(Bucket=aws.bucket, Key=f"{base}/{file}", Body=body)
    uri = f"s3://{aws.bucket}/{base}"
    served = ServedModel(
        variant="mxnet",
        partition="2026-11",
        dataset_digest="d" * 64,
        training_job="idc-train-2026-11-mxnet-0123456789",
        tuning_job="idc-tune-2026-11-0123456789",
        model_data=f"{uri}/model.tar.gz",
        model_sha256="a" * 64,
        threshold=threshold,
        temperature=1.5,
        bias=0.1,
        synthetic=True,
        code_digest="c" * 64,
        metrics_uri=f"{uri}/metrics.json",
        card_uri=f"{uri}/card.json",
        report_uri=f"{uri}/report.html",
    )
    container = {"Image": aws.image, "ModelDataUrl": served.model_data}
    specification: dict[str, Any] = {
        "Containers": [container],
        "SupportedContentTypes": ["application/x-image"],
        "SupportedResponseMIMETypes": ["application/json"],
    }
    sagemaker = aws.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName=name)
    made = sagemaker.create_model_package(
        ModelPackageGroupName=name,
        InferenceSpecification=specification,
        ModelApprovalStatus="Approved",
        CustomerMetadataProperties=served.to_metadata(),
    )
    return str(made["ModelPackageArn"])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
