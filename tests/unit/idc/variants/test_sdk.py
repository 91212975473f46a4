"""The SageMaker SDK 2's requests beside our own: made in its own environment, without a word to AWS.

Where a plan asks for the same, the two requests are equal. They differ, as they must, in script mode: there
the SDK adds `sagemaker_program`, `sagemaker_submit_directory` and their like to the hyperparameters, writes
every value as JSON, and carries the metrics' regular expressions, which a built-in algorithm has of its own.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
from typing import Any

import local_aws
import pytest

from idc.errors import ConfigurationError
from idc.jobs.spec import JOB_NAME, JobKind, JobSpec
from idc.jobs.training import RECORDIO, Channel, Machine, TrainingPlan, training_request
from idc.settings import Settings
from idc.variants.all import VARIANTS
from idc.variants.builtin import FIXED, IMAGE, MANIFEST, PIPE
from idc.variants.images import ACCOUNTS
from idc.variants.script import METRICS
from idc.variants.sdk import _estimator_class

DRIVER = """
import json, socket, sys

def refuse(*arguments, **options):
    raise AssertionError(f"the SDK opens a connection: {arguments}")

socket.create_connection = socket.socket.connect = refuse
from idc.variants.sdk import requested
from sagemaker import image_uris

jobs, images = json.load(sys.stdin)
found = [image_uris.retrieve(**image) for image in images]
print(json.dumps([requested(jobs), found]))
"""
SOURCE = "s3://a-bucket/code/" + "c" * 64 + "/sourcedir.tar.gz"
SETTINGS = Settings(bucket="a-bucket", role_arn="arn:aws:iam::123456789012:role/histoflow")
BUILTIN = TrainingPlan(
    image=IMAGE.uri(SETTINGS),
    role_arn=SETTINGS.role_arn,
    region="us-east-1",
    channels=tuple(
        Channel(name, f"s3://a-bucket/{name}.manifest", PIPE, MANIFEST, RECORDIO)
        for name in ("train", "validation")
    ),
    hyperparameters={**FIXED, "num_training_samples": 4711, "learning_rate": 0.05, "optimizer": "adam"},
    output="s3://a-bucket/jobs",
    machine=Machine("ml.c5.2xlarge", 1, 30, 10800),
    input_mode=PIPE,
    estimator="sagemaker.estimator.Estimator",
)
MXNET = dataclasses.replace(
    BUILTIN,
    image=VARIANTS["mxnet"].training_image.uri(SETTINGS),
    channels=(Channel("train", "s3://a-bucket/train/", content_type=RECORDIO),),
    hyperparameters={"epochs": 3, "learning-rate": 0.05, "dataset-digest": "d" * 64},
    input_mode="File",
    estimator="sagemaker.mxnet.MXNet",
    source=SOURCE,
    metrics=METRICS,
)
TENSORFLOW = dataclasses.replace(
    MXNET,
    image=VARIANTS["tensorflow"].training_image.uri(SETTINGS),
    channels=(Channel("train", "s3://a-bucket/train/", "FastFile"),),
    estimator="sagemaker.tensorflow.TensorFlow",
    estimator_options={"model_dir": False},
)
PLANS = {"lowlevel": dataclasses.replace(BUILTIN, estimator=""), "builtin": BUILTIN}
PYTORCH = dataclasses.replace(MXNET, estimator="sagemaker.pytorch.PyTorch")
PLANS |= {"mxnet": MXNET, "tensorflow": TENSORFLOW, "again": TENSORFLOW, "pytorch": PYTORCH}
FRAMEWORKS = {
    "mxnet": {"framework": "mxnet", "version": "1.9.0", "py_version": "py38"},
    "tensorflow": {"framework": "tensorflow", "version": "2.19.0", "py_version": "py312"},
}
REGIONS = ("us-east-1", "eu-west-1")


@pytest.fixture(scope="module")
def made() -> tuple[dict[str, dict[str, Any]], dict[tuple[str, str], str]]:
    """Every plan's request, and the URI the SDK gives to every image in a region."""
    wanted = {
        (name, region): {
            "region": region,
            "image_scope": "training",
            "instance_type": "ml.c5.2xlarge",
            **framework,
        }
        for name, framework in FRAMEWORKS.items()
        for region in REGIONS
    }
    wanted |= {
        ("builtin", region): {"framework": "image-classification", "region": region} for region in ACCOUNTS
    }
    jobs = [{"variant": name, "plan": plan.to_dict()} for name, plan in PLANS.items()]
    done = subprocess.run(
        [local_aws.interpreter("sagemaker-sdk"), "-c", DRIVER],
        env={
            "PYTHONPATH": str(local_aws.REPOSITORY / "include"),
            "SAGEMAKER_SUPPRESS_V2_WARNING": "1",
            "HOME": "/nonexistent",
            "AWS_EC2_METADATA_DISABLED": "true",
        },
        input=json.dumps([jobs, list(wanted.values())]),
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    requests, uris = json.loads(done.stdout.splitlines()[-1])
    assert [list(request) for request in requests] == [["variant", "request"]] * len(requests)
    return {job["variant"]: job["request"] for job in requests}, dict(zip(wanted, uris, strict=True))


Made = tuple[dict[str, dict[str, Any]], dict[tuple[str, str], str]]


@pytest.mark.parametrize("member", sorted(training_request(BUILTIN)))
def test_low_level_and_sdk_request_are_equal_member_by_member(made: Made, member: str) -> None:
    requests, _ = made

    assert requests["builtin"][member] == requests["lowlevel"][member]


def test_neither_has_a_member_the_other_lacks(made: Made) -> None:
    requests, _ = made

    assert requests["builtin"].keys() == requests["lowlevel"].keys()
    assert requests["lowlevel"] == training_request(BUILTIN)


def test_the_same_inputs_give_the_same_digest_and_the_name_comes_last(made: Made) -> None:
    requests, _ = made
    first, again = (JobSpec(JobKind.TRAINING, "p", requests[name]) for name in ("tensorflow", "again"))

    assert first.digest == again.digest
    assert requests["tensorflow"]["HyperParameters"]["sagemaker_job_name"] == json.dumps(JOB_NAME)
    named = first.create_request()
    assert named["HyperParameters"]["sagemaker_job_name"] == json.dumps(named["TrainingJobName"])


@pytest.mark.parametrize("name", ["mxnet", "tensorflow", "pytorch"])
def test_script_mode_runs_our_code_from_where_we_put_it(made: Made, name: str) -> None:
    requests, _ = made
    request = requests[name]
    parameters = {key: json.loads(value) for key, value in request["HyperParameters"].items()}

    assert parameters.pop("sagemaker_job_name") == JOB_NAME
    assert parameters == {
        **PLANS[name].hyperparameters,
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": SOURCE,
        "sagemaker_container_log_level": 20,
        "sagemaker_region": "us-east-1",
    }
    defined = request["AlgorithmSpecification"]["MetricDefinitions"]
    assert [metric["Name"] for metric in defined] == list(METRICS)
    same = ("OutputDataConfig", "ResourceConfig", "RoleArn", "StoppingCondition", "InputDataConfig")
    assert {key: request[key] for key in same} == {key: training_request(PLANS[name])[key] for key in same}


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("name", FRAMEWORKS)
def test_our_images_are_the_sdks(made: Made, name: str, region: str) -> None:
    settings = SETTINGS.model_validate(
        {"bucket": "a-bucket", "role_arn": SETTINGS.role_arn, "HISTOFLOW_REGION": region}
    )

    assert VARIANTS[name].training_image.uri(settings) == made[1][name, region]


@pytest.mark.parametrize("region", ACCOUNTS)
def test_the_built_in_algorithm_is_where_the_sdk_says(made: Made, region: str) -> None:
    assert IMAGE.amazons(region) == made[1]["builtin", region]


@pytest.mark.parametrize("path", ["sagemaker.gluon.Gluon", "Torch", "dataclasses.Torch", ""])
def test_an_estimator_that_is_none_is_named(path: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"estimator '?{path}.*expected a class of the SageMaker"):
        _estimator_class(path)
