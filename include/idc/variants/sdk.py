"""Make training requests with the SageMaker Python SDK 2, in the SDK's own environment.

Airflow's interpreter never imports the SDK. This module runs in the SDK's environment, with this library on
Python's path, and imports only modules that need the standard library alone. It submits and uploads nothing:
the request goes back to Airflow, which names and submits it.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from typing import Any

from idc.errors import ConfigurationError
from idc.jobs.spec import JOB_NAME
from idc.jobs.training import Channel, TrainingPlan, metric_definition, training_request

SCRIPT = "train.py"


def requested(planned: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the planned jobs with a request in place of each plan, the SDK's where the plan says so."""
    jobs = []
    for job in planned:
        plan = TrainingPlan.from_dict(job["plan"])
        request = sdk_request(plan) if plan.estimator else training_request(plan)
        others = {name: value for name, value in job.items() if name != "plan"}
        jobs.append({**others, "request": request})
    return jobs


def sdk_request(plan: TrainingPlan) -> dict[str, Any]:
    """Return the `CreateTrainingJob` request of the estimator `plan.estimator` names, without a name.

    The code is in S3 already, named by its digest; left to the SDK it would be uploaded again under the time
    of day, and no two requests would be equal. Where the SDK writes the job's name, the token for it stands.
    """
    from sagemaker.workflow.airflow import training_config

    channels = {channel.name: _training_input(channel) for channel in plan.channels}
    request: dict[str, Any] = training_config(_estimator(plan), channels, job_name=JOB_NAME)
    del request["TrainingJobName"]
    return request


def _estimator(plan: TrainingPlan) -> Any:
    import boto3
    from sagemaker import Session

    # A session with a bucket of its own choice would ask AWS for it.
    bucket = plan.output.split("/")[2]
    session = Session(boto_session=boto3.session.Session(region_name=plan.region), default_bucket=bucket)
    members: dict[str, Any] = {
        "image_uri": plan.image,
        "role": plan.role_arn,
        "instance_type": plan.machine.instance_type,
        "instance_count": plan.machine.instance_count,
        "volume_size": plan.machine.volume_gb,
        "max_run": plan.machine.max_runtime_s,
        "input_mode": plan.input_mode,
        "output_path": plan.output,
        "hyperparameters": dict(plan.hyperparameters),
        "sagemaker_session": session,
    }
    if plan.metrics:
        members["metric_definitions"] = [metric_definition(name) for name in plan.metrics]
    if plan.source:
        members |= {"entry_point": SCRIPT, "source_dir": plan.source}
    return _estimator_class(plan.estimator)(**members, **plan.estimator_options)


def _estimator_class(path: str) -> Any:
    """Return the SDK's class at a dotted path such as `sagemaker.mxnet.MXNet`."""
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        expected = "a class of the SageMaker Python SDK 2 such as sagemaker.mxnet.MXNet"
        raise ConfigurationError(
            "estimator", path, str(error), expected, "Correct the variant's file."
        ) from error


def _training_input(channel: Channel) -> Any:
    from sagemaker.inputs import TrainingInput

    return TrainingInput(
        channel.uri,
        s3_data_type=channel.data_type,
        content_type=channel.content_type,
        input_mode=channel.input_mode,
    )
