"""The twin of the built-in image classification, asked for as the service's own is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_jobs import unique
from botocore.exceptions import ClientError
from labelled_images import image, record, shard
from local_aws import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
IMAGE = "811284229777.dkr.ecr.us-east-1.amazonaws.com/image-classification:1"
PARAMETERS = {
    "num_classes": "2",
    "num_training_samples": "64",
    "num_layers": "20",
    "image_shape": "3,12,12",
    "mini_batch_size": "8",
    "epochs": "3",
    "learning_rate": "0.05",
    "augmentation_type": "crop",
}
METRICS = ["train:accuracy", "validation:accuracy"]


def stored(jobs: Any, prefix: str, **objects: bytes) -> str:
    """Store objects below a prefix; its address."""
    for name, content in objects.items():
        jobs.s3.put_object(Bucket=jobs.aws.bucket, Key=f"{prefix}{name.replace('__', '.')}", Body=content)
    return f"s3://{jobs.aws.bucket}/{prefix}"


def channel(
    name: str, uri: str, mode: str = "Pipe", kind: str = "ManifestFile", **changes: Any
) -> dict[str, Any]:
    source = {"S3DataType": kind, "S3Uri": uri, **changes.pop("source", {})}
    return {
        "ChannelName": name,
        "ContentType": "application/x-recordio",
        "InputMode": mode,
        "DataSource": {"S3DataSource": source},
        **changes,
    }


@pytest.fixture(scope="module")
def recordio(embedded_aws: Any, jobs: Any) -> list[dict[str, Any]]:
    """Channels in Pipe mode whose manifests name .rec files only, among others in their folders."""
    channels = []
    for number, (name, shards) in enumerate({"train": 2, "validation": 1}.items()):
        prefix = f"{unique('recordio')}/{name}/"
        names = [f"part-{at:05d}.rec" for at in range(shards)]
        for at, file in enumerate(names):
            content = shard(32, seed=1000 * number + 100 * at)
            jobs.s3.put_object(Bucket=jobs.aws.bucket, Key=prefix + file, Body=content)
        stored(jobs, prefix, list__lst=b"0\t0\tx.png\n")
        manifest = json.dumps([{"prefix": f"s3://{jobs.aws.bucket}/{prefix}"}, *names]).encode()
        uri = stored(jobs, f"{prefix[:-1]}.", manifest=manifest)
        channels.append(channel(name, f"{uri}manifest"))
    return channels


def request(jobs: Any, channels: list[dict[str, Any]], **parameters: str) -> dict[str, Any]:
    wanted = jobs.training_request(
        "", AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"}
    )
    return {
        **wanted,
        "HyperParameters": {**PARAMETERS, **parameters},
        "InputDataConfig": channels,
        "StoppingCondition": {"MaxRuntimeInSeconds": 300},
    }


def trained(jobs: Any, channels: list[dict[str, Any]], **parameters: str) -> dict[str, Any]:
    """The description of a job that has ended."""
    wanted = request(jobs, channels, **parameters)
    jobs.sagemaker.create_training_job(**wanted)
    return dict(jobs.ended(wanted["TrainingJobName"], 300))


@pytest.fixture(scope="module")
def job(jobs: Any, recordio: list[dict[str, Any]]) -> dict[str, Any]:
    """A job that has trained from pipes."""
    return trained(jobs, recordio)


@pytest.fixture(scope="module")
def model(jobs: Any, job: dict[str, Any]) -> str:
    """A model of the job's artifact."""
    container = {"Image": IMAGE, "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]}
    name = unique("image-classification")
    jobs.sagemaker.create_model(
        ModelName=name, PrimaryContainer=container, ExecutionRoleArn=jobs.aws.role_arn
    )
    return name


def test_metrics_are_known_without_being_defined(jobs: Any, job: dict[str, Any]) -> None:
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    definitions = job["AlgorithmSpecification"]["MetricDefinitions"]
    assert [definition["Name"] for definition in definitions] == METRICS
    assert [metric["MetricName"] for metric in job["FinalMetricDataList"]] == METRICS
    cloudwatch = jobs.aws.client("cloudwatch")
    dimension = [{"Name": "TrainingJobName", "Value": job["TrainingJobName"]}]

    def published() -> list[str]:
        listed = cloudwatch.list_metrics(Namespace="/aws/sagemaker/TrainingJobs", Dimensions=dimension)
        names = sorted({metric["MetricName"] for metric in listed["Metrics"]})
        return names if names == METRICS else []

    assert wait_until(published, 30) == METRICS


def test_metric_definitions_are_refused(jobs: Any, recordio: list[dict[str, Any]]) -> None:
    wanted = request(jobs, recordio)
    wanted["AlgorithmSpecification"]["MetricDefinitions"] = [{"Name": "x", "Regex": "x=(.*)"}]
    with pytest.raises(ClientError, match="You can't override the metric definitions"):
        jobs.sagemaker.create_training_job(**wanted)


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        (
            {"learning_rate": "2"},
            "ClientError: Hyperparameter learning_rate: '2', expected a number from 0 to 1. Correct it., e",
        ),
        (
            {"colour": "blue"},
            "ClientError: Hyperparameter colour: 'blue' is not known, expected one of num_classes",
        ),
        (
            {"mini_batch_size": "65"},
            "ClientError: Hyperparameter mini_batch_size: '65', expected at most the number",
        ),
    ],
)
def test_the_customers_mistakes_are_client_errors(
    jobs: Any, recordio: list[dict[str, Any]], parameters: dict[str, str], reason: str
) -> None:
    failed = trained(jobs, recordio, **parameters)
    assert failed["TrainingJobStatus"] == "Failed"
    assert failed["FailureReason"].startswith(reason)


def test_an_augmented_manifest(jobs: Any) -> None:
    prefix = f"{unique('augmented')}/"
    lines = []
    for number in range(32):
        uri = stored(jobs, prefix, **{f"{number}__png": image(number % 2, number)})
        lines.append(json.dumps({"source-ref": f"{uri}{number}.png", "class": number % 2}))
    manifest = stored(jobs, prefix, all__manifest="\n".join(lines).encode()) + "all.manifest"
    source = {"AttributeNames": ["source-ref", "class"]}
    channels = [
        channel(name, manifest, kind="AugmentedManifestFile", source=source, RecordWrapperType="RecordIO")
        for name in ("train", "validation")
    ]
    done = trained(jobs, channels, epochs="1", num_training_samples="32")
    assert done["TrainingJobStatus"] == "Completed", done.get("FailureReason")


def test_batch_transform_of_records_and_of_images(jobs: Any, model: str) -> None:
    prefix = f"{unique('payload')}/"
    payload = b"".join(record(image(number % 2, 5000 + number)) for number in range(6))
    stored(jobs, f"{prefix}records/", part__rec=payload)
    stored(jobs, f"{prefix}images/", dark__png=image(1, 9), bright__png=image(0, 9))

    def transform(folder: str, **given: str) -> dict[str, bytes]:
        name = unique("transform")
        jobs.sagemaker.create_transform_job(
            TransformJobName=name,
            ModelName=model,
            BatchStrategy="SingleRecord",
            TransformInput={
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": f"s3://{jobs.aws.bucket}/{prefix}{folder}",
                    }
                },
                "ContentType": "application/x-image",
                **given,
            },
            TransformOutput={
                "S3OutputPath": f"s3://{jobs.aws.bucket}/{prefix}out/{folder}",
                "Accept": "application/jsonlines",
                "AssembleWith": "Line",
            },
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        )

        def ended() -> dict[str, Any] | None:
            state = jobs.sagemaker.describe_transform_job(TransformJobName=name)
            return state if state["TransformJobStatus"] in ("Completed", "Failed") else None

        state = wait_until(ended, 120)
        assert state["TransformJobStatus"] == "Completed", state.get("FailureReason")
        listed = jobs.s3.list_objects_v2(Bucket=jobs.aws.bucket, Prefix=f"{prefix}out/{folder}")["Contents"]
        read = {
            entry["Key"]: jobs.s3.get_object(Bucket=jobs.aws.bucket, Key=entry["Key"])["Body"].read()
            for entry in listed
        }
        return {key.rpartition("/")[2]: content for key, content in read.items()}

    answers = transform("records/", SplitType="RecordIO")["part.rec.out"].splitlines()
    assert len(answers) == 6
    assert all(len(json.loads(answer)["prediction"]) == 2 for answer in answers)
    assert sorted(transform("images/")) == ["bright.png.out", "dark.png.out"]


def test_an_endpoint_answers(jobs: Any, model: str) -> None:
    name = unique("endpoint")
    variant = {
        "VariantName": "one",
        "ModelName": model,
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.large",
    }
    jobs.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    jobs.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)

    def in_service() -> bool:
        state = jobs.sagemaker.describe_endpoint(EndpointName=name)
        assert state["EndpointStatus"] != "Failed", state
        return bool(state["EndpointStatus"] == "InService")

    wait_until(in_service, 120)
    runtime = jobs.aws.client("sagemaker-runtime")

    def invoke(body: bytes, kind: str) -> Any:
        return json.loads(
            runtime.invoke_endpoint(EndpointName=name, ContentType=kind, Body=body)["Body"].read()
        )

    for kind in ("application/x-image", "image/png"):
        assert sum(invoke(image(1, 3), kind)) == pytest.approx(1, abs=1e-5)
    with pytest.raises(ClientError, match="expected a PNG or JPEG") as caught:
        invoke(b"no image", "application/x-image")
    assert caught.value.response["OriginalStatusCode"] == 400
    jobs.sagemaker.delete_endpoint(EndpointName=name)
