"""The TensorFlow variant on the embedded AWS: a training job on TFRecord, and its model on an endpoint."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aws_endpoints import Endpoints
from aws_jobs import Jobs, unique
from botocore.exceptions import ClientError
from local_aws import ENVIRONMENTS, LocalAws
from PIL import Image
from scripts import gathered

from idc.jobs import source

REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
TRAINING_IMAGE = f"{REGISTRY}/tensorflow-training:2.19.0-cpu-py312"
INFERENCE_IMAGE = f"{REGISTRY}/tensorflow-inference:2.19.0-cpu"
WRITER = Path(__file__).resolve().parents[1] / "unit" / "training_scripts" / "tensorflow" / "drive.py"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.skipif(
        not (ENVIRONMENTS / "tensorflow").exists(), reason="the tensorflow environment is not built"
    ),
]


@pytest.fixture(scope="module")
def endpoints(embedded_aws: LocalAws) -> Endpoints:
    return Endpoints(embedded_aws)


@pytest.fixture(scope="module")
def job(jobs: Jobs, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A finished training job on small splits in FastFile mode, as the pipeline asks for it."""
    folder = tmp_path_factory.mktemp("tfrecord")
    call = ["write_splits", {"folder": str(folder), "splits": {"train": 160, "validation": 64}}]
    subprocess.run(
        [
            str(ENVIRONMENTS / "tensorflow" / "bin" / "python"),
            str(WRITER),
            str(gathered("tensorflow", tmp_path_factory.mktemp("scripts"))),
        ],
        input=json.dumps(call) + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    prefix, channels = f"inputs/{unique('tfrecord')}", []
    for split in ("train", "validation"):
        for shard in sorted((folder / split).iterdir()):
            jobs.s3.upload_file(str(shard), jobs.aws.bucket, f"{prefix}/{split}/{shard.name}")
        uri = f"s3://{jobs.aws.bucket}/{prefix}/{split}/"
        source_of = {"S3DataType": "S3Prefix", "S3Uri": uri}
        channels.append(
            {"ChannelName": split, "DataSource": {"S3DataSource": source_of}, "InputMode": "FastFile"}
        )
    request = jobs.training_request("", InputDataConfig=channels)
    key = f"code/{request['TrainingJobName']}/sourcedir.tar.gz"
    archive = source.training_source("tensorflow").archive()
    jobs.s3.put_object(Bucket=jobs.aws.bucket, Key=key, Body=archive)
    request["AlgorithmSpecification"]["TrainingImage"] = TRAINING_IMAGE
    request["HyperParameters"].update({"epochs": "2", "batch-size": "32"})
    request["StoppingCondition"]["MaxRuntimeInSeconds"] = 300
    jobs.sagemaker.create_training_job(**request)
    ended = jobs.ended(request["TrainingJobName"], 300)
    assert ended["TrainingJobStatus"] == "Completed", ended.get("FailureReason")
    return ended


def _deployed(endpoints: Endpoints, model_data: str) -> str:
    """The name of a new endpoint of the artifact, once its status is settled."""
    name = unique("model")
    endpoints.sagemaker.create_model(
        ModelName=name,
        PrimaryContainer={"Image": INFERENCE_IMAGE, "ModelDataUrl": model_data},
        ExecutionRoleArn=endpoints.aws.role_arn,
    )
    return endpoints.create(endpoints.config(name))


def _artifact(jobs: Jobs, job: dict[str, Any]) -> dict[str, bytes]:
    """The files of a job's artifact by name."""
    bucket, _, key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").partition("/")
    packed = jobs.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        return {
            member.name.removeprefix("./"): archive.extractfile(member).read()
            for member in archive
            if member.isreg()
        }


def test_the_artifact_is_what_tensorflow_serving_wants(jobs: Jobs, job: dict[str, Any]) -> None:
    files = _artifact(jobs, job)
    assert {"1/saved_model.pb", "code/inference.py", "code/requirements.txt", "model.json"} <= files.keys()


def test_the_endpoint_answers_and_tells_what_is_wrong(endpoints: Endpoints, job: dict[str, Any]) -> None:
    name = _deployed(endpoints, job["ModelArtifacts"]["S3ModelArtifacts"])
    assert endpoints.settled(name)["EndpointStatus"] == "InService", endpoints.describe(name)
    image = io.BytesIO()
    Image.fromarray(np.full((50, 50, 3), 200, np.uint8)).save(image, "PNG")
    ask = {"EndpointName": name, "Body": image.getvalue(), "ContentType": "application/x-image"}
    probabilities = json.loads(endpoints.runtime.invoke_endpoint(**ask)["Body"].read())
    assert sum(probabilities) == pytest.approx(1, abs=1e-5)
    lines = endpoints.runtime.invoke_endpoint(**ask, Accept="application/jsonlines")
    assert json.loads(lines["Body"].read()) == {"prediction": probabilities}
    with pytest.raises(ClientError, match="cannot be read") as refused:
        endpoints.runtime.invoke_endpoint(**{**ask, "Body": b"<svg/>"})
    assert refused.value.response["Error"]["Code"] == "ModelError"
    assert refused.value.response["OriginalStatusCode"] == 500
    endpoints.delete(name)


def test_a_torn_graph_never_comes_into_service(endpoints: Endpoints, jobs: Jobs, job: dict[str, Any]) -> None:
    files = _artifact(jobs, job)
    files["1/saved_model.pb"] = files["1/saved_model.pb"][:1000]
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    key = f"models/{unique('torn')}/model.tar.gz"
    jobs.s3.put_object(Bucket=jobs.aws.bucket, Key=key, Body=packed.getvalue())
    endpoint = endpoints.settled(_deployed(endpoints, f"s3://{jobs.aws.bucket}/{key}"))
    assert endpoint["EndpointStatus"] == "Failed"
    assert "ping" in endpoint["FailureReason"]
    endpoints.delete(endpoint["EndpointName"])
