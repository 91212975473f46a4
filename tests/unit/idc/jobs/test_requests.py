"""The requests, held against botocore's own model of SageMaker."""

from __future__ import annotations

import re
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from idc.jobs.hosting import EndpointSpec, production_variant, script_model
from idc.jobs.processing import processing_request
from idc.jobs.spec import JobKind, JobSpec
from idc.jobs.training import METRICS, RECORDIO, encoded, metric_definition, script_request

ROLE = "arn:aws:iam::123456789012:role/histoflow"
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/mxnet-training:1.9.0-cpu-py38"
EPOCH = (
    "epoch=3 train:loss=0.4012 train:accuracy=0.8310 validation:loss=0.4210 validation:accuracy=0.8205 "
    "validation:balanced_accuracy=0.8011 validation:roc_auc=0.8830 images_per_second=812.4"
)
MACHINE: dict[str, Any] = {
    "role_arn": ROLE,
    "instance_type": "ml.m5.xlarge",
    "instance_count": 1,
    "volume_gb": 30,
    "max_runtime_s": 600,
}


def check(operation: str, request: dict[str, Any]) -> None:
    model = botocore.session.get_session().get_service_model("sagemaker").operation_model(operation)
    report = ParamValidator().validate(request, model.input_shape)
    assert not report.has_errors(), report.generate_report()


def training(**changes: Any) -> dict[str, Any]:
    members = {
        "image": IMAGE,
        "region": "us-east-1",
        "source": "s3://b/code/x/sourcedir.tar.gz",
        "channels": {"train": "s3://b/d/train/", "validation": "s3://b/d/validation/"},
        "content_type": RECORDIO,
        "output": "s3://b/jobs",
        "hyperparameters": {"epochs": 3, "learning-rate": 0.05},
        **MACHINE,
    }
    return script_request(**{**members, **changes})


def processing(**changes: Any) -> dict[str, Any]:
    members = {
        "image": IMAGE,
        "entrypoint": ["python3", "-m", "idc.dataset.convert"],
        "arguments": ["--seed", "7"],
        "inputs": {"code": "s3://b/code/x/"},
        "outputs": {},
        "environment": {"PYTHONPATH": "/opt/ml/processing/input/code"},
        **MACHINE,
    }
    return processing_request(**{**members, **changes})


def test_a_training_request_is_one_that_botocore_takes() -> None:
    check("CreateTrainingJob", JobSpec(JobKind.TRAINING, "t", training()).create_request())


def test_a_processing_request_is_one_that_botocore_takes() -> None:
    check("CreateProcessingJob", JobSpec(JobKind.PROCESSING, "p", processing()).create_request())
    with_outputs = processing(outputs={"predictions": "s3://b/jobs/p/predictions"})
    check("CreateProcessingJob", JobSpec(JobKind.PROCESSING, "p", with_outputs).create_request())


def test_hyperparameters_are_json_texts_as_script_mode_reads_them() -> None:
    assert encoded({"epochs": 3, "rate": 0.05, "name": "a", "flag": True}) == {
        "epochs": "3",
        "rate": "0.05",
        "name": '"a"',
        "flag": "true",
    }
    hyperparameters = training()["HyperParameters"]
    assert hyperparameters["sagemaker_program"] == '"train.py"'
    assert hyperparameters["sagemaker_submit_directory"] == '"s3://b/code/x/sourcedir.tar.gz"'
    assert hyperparameters["sagemaker_region"] == '"us-east-1"'


def test_a_caller_cannot_replace_what_script_mode_needs() -> None:
    request = training(hyperparameters={"sagemaker_program": "other.py"})

    assert request["HyperParameters"]["sagemaker_program"] == '"train.py"'


def test_the_training_job_gets_no_test_channel() -> None:
    assert [channel["ChannelName"] for channel in training()["InputDataConfig"]] == ["train", "validation"]


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


def test_every_metric_is_defined() -> None:
    defined = training()["AlgorithmSpecification"]["MetricDefinitions"]

    assert [definition["Name"] for definition in defined] == list(METRICS)
    assert all(1 <= len(definition["Regex"]) <= 500 for definition in defined)


def endpoint(**changes: Any) -> EndpointSpec:
    members = {
        "image": IMAGE,
        "role_arn": ROLE,
        "model_data": "s3://b/jobs/t/output/model.tar.gz",
        "model_sha256": "ab" * 32,
        "region": "us-east-1",
    }
    model = script_model(**{**members, **changes})
    return EndpointSpec("idc", model, production_variant(instance_type="ml.m5.large", instance_count=1))


def test_the_requests_of_an_endpoint_are_ones_that_botocore_takes() -> None:
    check("CreateModel", endpoint().model_request())
    check("CreateEndpointConfig", endpoint().config_request())
    check("CreateEndpoint", endpoint().endpoint_request())
    check("UpdateEndpoint", endpoint().endpoint_request())


def test_the_same_model_has_the_same_names_and_another_artifact_has_others() -> None:
    assert endpoint().model_name == endpoint().model_name
    assert endpoint(model_sha256="cd" * 32).model_name != endpoint().model_name
    assert endpoint(model_sha256="cd" * 32).config_name != endpoint().config_name


def test_more_instances_are_another_configuration_of_the_same_model() -> None:
    one, two = (
        EndpointSpec(
            "idc", endpoint().model, production_variant(instance_type="ml.m5.large", instance_count=count)
        )
        for count in (1, 2)
    )

    assert one.model_name == two.model_name
    assert one.config_name != two.config_name


def test_an_endpoint_survives_being_handed_to_another_task() -> None:
    assert EndpointSpec.from_dict(endpoint().to_dict()) == endpoint()
