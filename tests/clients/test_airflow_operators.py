"""The SageMaker operators, sensors and triggers of Airflow's Amazon provider, as they come."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from unittest import mock

import airflow_task
import pytest
from airflow.exceptions import AirflowException
from airflow.providers.amazon.aws.operators.sagemaker import (
    SageMakerDeleteModelOperator,
    SageMakerEndpointConfigOperator,
    SageMakerEndpointOperator,
    SageMakerModelOperator,
    SageMakerProcessingOperator,
    SageMakerRegisterModelVersionOperator,
    SageMakerTrainingOperator,
    SageMakerTransformOperator,
    SageMakerTuningOperator,
)
from airflow.providers.amazon.aws.sensors.sagemaker import (
    SageMakerEndpointSensor,
    SageMakerProcessingSensor,
    SageMakerTrainingSensor,
    SageMakerTransformSensor,
    SageMakerTuningSensor,
)
from airflow.providers.amazon.aws.utils.sagemaker import ApprovalStatus
from clients.workloads import Workloads, unique

pytestmark = pytest.mark.slow

WAYS = pytest.mark.parametrize("deferrable", [False, True], ids=["polled", "deferred"])


@pytest.fixture(autouse=True)
def variables(workloads: Workloads) -> Iterator[None]:
    """The environment an Airflow worker would have."""
    values = {name: value.strip("'") for name, value in workloads.aws.env.items()}
    with mock.patch.dict(os.environ, values):
        yield


@WAYS
def test_training(workloads: Workloads, deferrable: bool) -> None:
    train = SageMakerTrainingOperator(
        task_id="train", config=workloads.training(), check_interval=1, deferrable=deferrable
    )
    job = airflow_task.run(train)["Training"]
    assert job["TrainingJobStatus"] == "Completed"
    assert job["FinalMetricDataList"][0]["Value"] == 0.75


@WAYS
def test_failed_training_fails_the_task(workloads: Workloads, deferrable: bool) -> None:
    config = workloads.training("raise SystemExit('no luck')")
    train = SageMakerTrainingOperator(
        task_id="train", config=config, check_interval=1, print_log=False, deferrable=deferrable
    )
    with pytest.raises(AirflowException, match="AlgorithmError"):
        airflow_task.run(train)


def test_a_training_job_of_that_name_is_given_another(workloads: Workloads) -> None:
    config = workloads.training()
    names = set()
    for _ in range(2):
        train = SageMakerTrainingOperator(
            task_id="train", config=dict(config), check_interval=1, print_log=False
        )
        names.add(airflow_task.run(train)["Training"]["TrainingJobName"])
    assert len(names) == 2
    fussy = SageMakerTrainingOperator(task_id="fussy", config=dict(config), action_if_job_exists="fail")
    with pytest.raises(AirflowException, match="already exists"):
        airflow_task.run(fussy)


@WAYS
def test_processing(workloads: Workloads, deferrable: bool) -> None:
    process = SageMakerProcessingOperator(
        task_id="process", config=workloads.processing(), check_interval=1, deferrable=deferrable
    )
    assert airflow_task.run(process)["Processing"]["ProcessingJobStatus"] == "Completed"


@WAYS
def test_tuning(workloads: Workloads, deferrable: bool) -> None:
    config = workloads.tuning()
    tune = SageMakerTuningOperator(task_id="tune", config=config, check_interval=1, deferrable=deferrable)
    job = airflow_task.run(tune)["Tuning"]
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["TrainingJobStatusCounters"]["Completed"] == 2
    sensor = SageMakerTuningSensor(
        task_id="sense", job_name=config["HyperParameterTuningJobName"], poke_interval=1
    )
    assert sensor.poke({}) is True


@WAYS
def test_transform_with_its_model(workloads: Workloads, deferrable: bool) -> None:
    model = workloads.model()
    transform = workloads.transform(model["ModelName"])
    score = SageMakerTransformOperator(
        task_id="score",
        config={"Model": model, "Transform": transform},
        check_interval=1,
        deferrable=deferrable,
        do_xcom_push=False,
    )
    result = airflow_task.run(score)
    assert result["Model"]["ModelName"] == model["ModelName"]
    assert result["Transform"]["TransformJobStatus"] == "Completed"
    assert workloads.answers(transform["TransformJobName"]) == [2, 4, 8]


@WAYS
def test_model_configuration_and_endpoint(workloads: Workloads, deferrable: bool) -> None:
    model = workloads.model()
    made = airflow_task.run(SageMakerModelOperator(task_id="model", config=model))
    assert made["Model"]["ModelName"] == model["ModelName"]
    config = workloads.endpoint_config(model["ModelName"])
    made = airflow_task.run(SageMakerEndpointConfigOperator(task_id="config", config=config))
    assert made["EndpointConfig"]["EndpointConfigName"] == config["EndpointConfigName"]

    name = unique("endpoint")
    request = {"EndpointName": name, "EndpointConfigName": config["EndpointConfigName"]}
    deployed = deploy(request, deferrable)
    assert (deployed["EndpointStatus"], deployed["EndpointName"]) == ("InService", name)

    other = workloads.endpoint_config(model["ModelName"])
    workloads.sagemaker.create_endpoint_config(**other)
    # the operator creates, sees that the endpoint is there and updates it
    deployed = deploy({**request, "EndpointConfigName": other["EndpointConfigName"]}, deferrable)
    assert deployed["EndpointConfigName"] == other["EndpointConfigName"]

    sensor = SageMakerEndpointSensor(task_id="sense", endpoint_name=name, poke_interval=1)
    assert sensor.poke({}) is True
    workloads.sagemaker.delete_endpoint(EndpointName=name)
    airflow_task.run(SageMakerDeleteModelOperator(task_id="delete", config={"ModelName": model["ModelName"]}))
    listed = workloads.sagemaker.list_models(NameContains=model["ModelName"])["Models"]
    assert listed == []


def deploy(config: dict[str, Any], deferrable: bool) -> dict[str, Any]:
    deploy = SageMakerEndpointOperator(
        task_id="deploy", config=dict(config), check_interval=1, deferrable=deferrable
    )
    endpoint: dict[str, Any] = airflow_task.run(deploy)["Endpoint"]
    return endpoint


def test_register_model_version(workloads: Workloads) -> None:
    group = unique("group")
    data = workloads.model()["PrimaryContainer"]["ModelDataUrl"]
    arns = []
    for approval in (ApprovalStatus.PENDING_MANUAL_APPROVAL, ApprovalStatus.APPROVED):
        register = SageMakerRegisterModelVersionOperator(
            task_id="register",
            image_uri=workloads.aws.image,
            model_url=data,
            package_group_name=group,
            model_approval=approval,
        )
        arns.append(airflow_task.run(register))
    assert [arn.rsplit("/", 2)[1:] for arn in arns] == [[group, "1"], [group, "2"]]
    approved = workloads.sagemaker.list_model_packages(
        ModelPackageGroupName=group, ModelApprovalStatus="Approved"
    )
    assert [package["ModelPackageArn"] for package in approved["ModelPackageSummaryList"]] == [arns[1]]


def test_sensors_of_jobs_wait_and_succeed(workloads: Workloads) -> None:
    training, processing, model = workloads.training(), workloads.processing(), workloads.model()
    workloads.sagemaker.create_model(**model)
    transform = workloads.transform(model["ModelName"])
    workloads.sagemaker.create_training_job(**training)
    workloads.sagemaker.create_processing_job(**processing)
    workloads.sagemaker.create_transform_job(**transform)
    often = {"poke_interval": 0.5, "timeout": 60}
    for sensor in (
        SageMakerTrainingSensor(
            task_id="training", job_name=training["TrainingJobName"], print_log=False, **often
        ),
        SageMakerProcessingSensor(task_id="processing", job_name=processing["ProcessingJobName"], **often),
        SageMakerTransformSensor(task_id="transform", job_name=transform["TransformJobName"], **often),
    ):
        airflow_task.run(sensor)


def test_sensor_of_a_failed_training_job(workloads: Workloads) -> None:
    request = workloads.training("raise SystemExit('no luck')")
    workloads.sagemaker.create_training_job(**request)
    name = request["TrainingJobName"]
    sensor = SageMakerTrainingSensor(task_id="training", job_name=name, poke_interval=0.5, print_log=False)
    with pytest.raises(AirflowException, match="AlgorithmError"):
        airflow_task.run(sensor)
