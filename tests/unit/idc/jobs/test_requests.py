"""The requests, held against botocore's own model of SageMaker."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from idc.deploy.hosting import EndpointSpec, production_variant
from idc.deploy.rollout import endpoint_spec
from idc.jobs.processing import processing_request
from idc.jobs.spec import JobKind, JobSpec
from idc.jobs.training import (
    RECORDIO,
    Channel,
    Machine,
    TrainingPlan,
    metric_definition,
    training_request,
)
from idc.settings import Settings
from idc.train.candidates import Candidate
from idc.train.models import model_request
from idc.variants.all import VARIANTS
from idc.variants.script import METRICS

ROLE = "arn:aws:iam::123456789012:role/histoflow"
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/mxnet-training:1.9.0-cpu-py38"
EPOCH = (
    "epoch=3 train:loss=0.4012 train:accuracy=0.8310 validation:loss=0.4210 validation:accuracy=0.8205 "
    "validation:balanced_accuracy=0.8011 validation:roc_auc=0.8830 images_per_second=812.4"
)
SETTINGS = Settings(bucket="a-bucket", role_arn=ROLE)
PLAN = TrainingPlan(
    image=VARIANTS["builtin-lowlevel"].inference_image.uri(SETTINGS),
    role_arn=ROLE,
    region="us-east-1",
    channels=(
        Channel("train", "s3://b/train.manifest", "Pipe", "ManifestFile", RECORDIO),
        Channel("validation", "s3://b/validation/"),
    ),
    hyperparameters={"num_classes": 2, "learning_rate": 0.05, "optimizer": "sgd"},
    output="s3://b/jobs",
    machine=Machine("ml.m5.xlarge", 1, 30, 600),
    input_mode="Pipe",
)
PACKAGE = "arn:aws:sagemaker:us-east-1:123456789012:model-package/histoflow-idc/3"
CANDIDATE = Candidate(
    variant="mxnet",
    partition="2026-10",
    dataset_digest="d" * 64,
    training_job="t",
    model_data="s3://b/jobs/t/output/model.tar.gz",
    model_sha256="ab" * 32,
    run_s=1,
    hyperparameters={"epochs": "1"},
    metrics={},
)


def check(operation: str, request: dict[str, Any], service: str = "sagemaker") -> None:
    model = botocore.session.get_session().get_service_model(service).operation_model(operation)
    report = ParamValidator().validate(request, model.input_shape)
    assert not report.has_errors(), report.generate_report()


def processing(**changes: Any) -> dict[str, Any]:
    members = {
        "image": IMAGE,
        "entrypoint": ["python3", "-m", "idc.converter.convert"],
        "arguments": ["--seed", "7"],
        "inputs": {"code": "s3://b/code/x/"},
        "outputs": {},
        "environment": {"PYTHONPATH": "/opt/ml/processing/input/code"},
        "role_arn": ROLE,
        "instance_type": "ml.m5.xlarge",
        "instance_count": 1,
        "volume_gb": 30,
        "max_runtime_s": 600,
    }
    return processing_request(**{**members, **changes})


def test_a_training_request_is_one_that_botocore_takes() -> None:
    check("CreateTrainingJob", JobSpec(JobKind.TRAINING, "t", training_request(PLAN)).create_request())


def test_a_processing_request_is_one_that_botocore_takes() -> None:
    check("CreateProcessingJob", JobSpec(JobKind.PROCESSING, "p", processing()).create_request())
    with_outputs = processing(outputs={"tables": "s3://b/jobs/p/tables"})
    check("CreateProcessingJob", JobSpec(JobKind.PROCESSING, "p", with_outputs).create_request())


def test_the_built_in_algorithm_gets_its_hyperparameters_as_plain_texts() -> None:
    expected = {"num_classes": "2", "learning_rate": "0.05", "optimizer": "sgd"}
    assert training_request(PLAN)["HyperParameters"] == expected


def test_a_channel_says_how_it_is_read() -> None:
    train, validation = training_request(PLAN)["InputDataConfig"]

    assert train["DataSource"]["S3DataSource"]["S3DataType"] == "ManifestFile"
    assert (train["InputMode"], train["ContentType"]) == ("Pipe", RECORDIO)
    assert validation["DataSource"]["S3DataSource"]["S3DataType"] == "S3Prefix"
    assert "ContentType" not in validation


def test_a_plan_survives_being_handed_to_another_task() -> None:
    assert TrainingPlan.from_dict(json.loads(json.dumps(PLAN.to_dict()))) == PLAN


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("train:loss", "0.4012"),
        ("train:accuracy", "0.8310"),
        ("validation:loss", "0.4210"),
        ("validation:accuracy", "0.8205"),
        ("validation:balanced_accuracy", "0.8011"),
        ("validation:roc_auc", "0.8830"),
        ("images_per_second", "812.4"),
    ],
)
def test_every_metric_matches_one_place_in_a_line(name: str, value: str) -> None:
    assert re.findall(metric_definition(name)["Regex"], EPOCH) == [value]


def test_every_metric_is_one_that_sagemaker_takes() -> None:
    assert all(1 <= len(metric_definition(name)["Regex"]) <= 500 for name in METRICS)


def candidate(**changes: Any) -> Candidate:
    return dataclasses.replace(CANDIDATE, **changes)


def endpoint(package: str = PACKAGE, **changes: Any) -> EndpointSpec:
    return endpoint_spec(SETTINGS.model_copy(update=changes), package=package, name="v3-mxnet")


@pytest.mark.parametrize("rollout", ["canary", "linear", "all-at-once"])
def test_the_requests_of_an_endpoint_are_ones_that_botocore_takes(rollout: str) -> None:
    made = endpoint(rollout=rollout)

    check("CreateModel", made.model_request())
    check("CreateEndpointConfig", made.config_request())
    check("CreateEndpoint", made.endpoint_request())
    check("UpdateEndpoint", made.update_request())
    for alarm in made.alarms:
        check("PutMetricAlarm", dict(alarm), "cloudwatch")
    assert made.scaling is not None
    check("RegisterScalableTarget", dict(made.scaling["target"]), "application-autoscaling")
    check("PutScalingPolicy", dict(made.scaling["policy"]), "application-autoscaling")


def test_a_rollout_is_watched_and_moves_in_steps() -> None:
    made = endpoint(rollout="linear", rollout_percent=25, rollout_wait_s=60)

    deployment = made.update_request()["DeploymentConfig"]
    policy = deployment["BlueGreenUpdatePolicy"]
    assert policy["TrafficRoutingConfiguration"] == {
        "Type": "LINEAR",
        "WaitIntervalInSeconds": 60,
        "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 25},
    }
    assert policy["MaximumExecutionTimeoutInSeconds"] > 4 * 60
    assert deployment["AutoRollbackConfiguration"]["Alarms"] == [
        {"AlarmName": "histoflow-idc-v3-mxnet-errors"},
        {"AlarmName": "histoflow-idc-v3-mxnet-latency"},
    ]
    assert "DeploymentConfig" not in made.endpoint_request(), "nothing serves yet: there is nothing to shift"


def test_a_single_instance_cannot_have_a_canary() -> None:
    deployment = endpoint(endpoint_instance_count=1).update_request()["DeploymentConfig"]

    assert deployment["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["Type"] == "ALL_AT_ONCE"


def test_what_is_turned_off_is_not_asked_for() -> None:
    made = endpoint(capture_percent=0, endpoint_max_instance_count=2)

    assert "DataCaptureConfig" not in made.config_request()
    assert made.scaling is None


@pytest.mark.parametrize(
    ("variant", "image"),
    [
        ("builtin-lowlevel", VARIANTS["builtin-lowlevel"].inference_image.uri(SETTINGS)),
        ("builtin-sdk", VARIANTS["builtin-lowlevel"].inference_image.uri(SETTINGS)),
        ("tensorflow", VARIANTS["tensorflow"].inference_image.uri(SETTINGS)),
        ("mxnet", VARIANTS["mxnet"].inference_image.uri(SETTINGS)),
    ],
)
def test_each_variant_is_served_by_a_container_of_its_own(variant: str, image: str) -> None:
    container = model_request(SETTINGS, candidate(variant=variant))["PrimaryContainer"]

    assert container["Image"] == image
    assert container["ModelDataUrl"] == CANDIDATE.model_data
    assert container["Environment"]["MODEL_SHA256"] == CANDIDATE.model_sha256


def test_the_same_model_has_the_same_names_and_another_artifact_has_others() -> None:
    first, again, other = (endpoint(f"{PACKAGE}{digit}") for digit in "001")

    assert (again.model_name, again.config_name) == (first.model_name, first.config_name)
    assert other.model_name != first.model_name
    assert other.config_name != first.config_name


def test_more_instances_are_another_configuration_of_the_same_model() -> None:
    model = model_request(SETTINGS, CANDIDATE)
    one, two = (
        EndpointSpec("idc", model, production_variant(instance_type="ml.m5.large", instance_count=count))
        for count in (1, 2)
    )

    assert one.model_name == two.model_name
    assert one.config_name != two.config_name


def test_an_endpoint_survives_being_handed_to_another_task() -> None:
    made = endpoint()
    assert EndpointSpec.from_dict(json.loads(json.dumps(made.to_dict()))) == made
