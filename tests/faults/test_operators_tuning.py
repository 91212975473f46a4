"""Our tuning operator on an embedded AWS that searches: adopted, never doubled, stopped when killed."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import airflow_task
import pytest
from aws_tuning import METRICS, PARABOLA, SCORE, X
from local_aws import REPOSITORY, LocalAws, archive, wait_until

from histoflow.operators.sagemaker import SageMakerTuningOperator
from idc import layout
from idc.errors import JobFailed, ServiceError
from idc.jobs.spec import JobKind, JobSpec
from idc.settings import settings
from idc.storage import ObjectStore
from idc.tune.trials import TuningResult

pytestmark = pytest.mark.slow

SLOW = {"epochs": "200", "pace": "0.5"}
# A worker that dies when the tuning job exists and nobody has been told.
DRIVER = """
import json, os, signal, sys
import airflow_task
from histoflow.operators.sagemaker import SageMakerTuningOperator

operator = SageMakerTuningOperator(task_id="tune", spec=json.loads(sys.argv[1]))
operator.hook.api.meta.events.register(
    "after-call.sagemaker.CreateHyperParameterTuningJob", lambda **_: os.kill(os.getpid(), signal.SIGKILL)
)
airflow_task.run(operator)
"""
_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def at_the_embedded_aws(embedded_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    own = {"HISTOFLOW_BUCKET": embedded_aws.bucket, "HISTOFLOW_ROLE_ARN": embedded_aws.role_arn}
    for name, value in {**embedded_aws.env, **own}.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    yield
    settings.cache_clear()


def tuning(aws: LocalAws, script: str = PARABOLA, jobs: int = 3, **static: str) -> dict[str, Any]:
    """Return the specification of a tuning job whose training jobs run the script."""
    prefix = f"t{time.time_ns() // 1000 % 10**9}-{next(_numbers)}"
    config = {
        "Strategy": "Random",
        "ResourceLimits": {"MaxNumberOfTrainingJobs": jobs, "MaxParallelTrainingJobs": 2},
        "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": SCORE},
        "ParameterRanges": X,
        "RandomSeed": 7,
    }
    definition = training(aws, prefix, script, static)
    request = {"HyperParameterTuningJobConfig": config, "TrainingJobDefinition": definition}
    return JobSpec(JobKind.TUNING, prefix, request).to_dict()


def training(aws: LocalAws, prefix: str, script: str, static: dict[str, str]) -> dict[str, Any]:
    """Return a training job definition in script mode."""
    key = f"code/{prefix}/sourcedir.tar.gz"
    aws.client("s3").put_object(Bucket=aws.bucket, Key=key, Body=archive(train=script))
    return {
        "AlgorithmSpecification": {
            "TrainingImage": aws.image,
            "TrainingInputMode": "File",
            "MetricDefinitions": METRICS,
        },
        "RoleArn": aws.role_arn,
        "StaticHyperParameters": {
            "sagemaker_program": '"train.py"',
            "sagemaker_submit_directory": f'"s3://{aws.bucket}/{key}"',
            **static,
        },
        "OutputDataConfig": {"S3OutputPath": f"s3://{aws.bucket}/jobs"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 120},
    }


def task(spec: dict[str, Any] | None, **options: Any) -> SageMakerTuningOperator:
    return SageMakerTuningOperator(task_id="tune", spec=spec, **options)


def name_of(spec: dict[str, Any], attempt: int = 1) -> str:
    return JobSpec.from_dict(JobKind.TUNING, spec).name(attempt)


def jobs_of(aws: LocalAws, spec: dict[str, Any]) -> dict[str, str]:
    """Return the status of every tuning job whose name begins as the specification's does."""
    answer = aws.client("sagemaker").list_hyper_parameter_tuning_jobs(NameContains=spec["prefix"])
    return {
        job["HyperParameterTuningJobName"]: job["HyperParameterTuningJobStatus"]
        for job in answer["HyperParameterTuningJobSummaries"]
    }


def children_of(aws: LocalAws, name: str) -> list[dict[str, Any]]:
    answer = aws.client("sagemaker").list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name
    )
    return list(answer["TrainingJobSummaries"])


def is_stopped(aws: LocalAws, spec: dict[str, Any]) -> bool:
    return jobs_of(aws, spec) == {name_of(spec): "Stopped"}


def test_a_search_is_run_and_its_result_is_the_best_of_the_table(
    embedded_aws: LocalAws, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tuning(embedded_aws)
    operator = task(spec)

    result = TuningResult.from_dict(airflow_task.run(operator))

    store = ObjectStore(embedded_aws.client("s3"), embedded_aws.bucket)
    table = json.loads(store.get(layout.trials(result.job)))["trials"]
    objectives = [trial["objective"] for trial in table]
    assert result.job == name_of(spec)
    assert result.table == store.uri(layout.trials(result.job))
    assert len(objectives) == 3
    assert result.objective == max(objectives) == pytest.approx(score(result.values["point"]))
    assert result.best_job == table[objectives.index(max(objectives))]["job"]
    assert result.model_data.endswith(f"/{result.best_job}/output/model.tar.gz")
    assert (result.metric, result.counts) == (SCORE, {"Completed": 3})
    assert result.hyperparameters["point"] == result.values["point"]
    for key in (layout.trials(result.job, "csv"), layout.tuning_picture(result.job, "tuning")):
        assert store.head(key)
    assert b"<svg" in store.get(layout.tuning_page(result.job))
    said = caplog.text + capsys.readouterr().out
    assert "training jobs, of 3: 3 completed; best score" in said
    assert airflow_task.run(task(spec, deferrable=False)) == result.to_dict()
    assert list(jobs_of(embedded_aws, spec)) == [result.job]


def score(point: str) -> float:
    return float(-((float(point) - 0.3) ** 2) + 0.001)


def test_several_definitions_pass_through(embedded_aws: LocalAws) -> None:
    spec = tuning(embedded_aws, jobs=2)
    config, definition = (spec["request"][name] for name in spec["request"])
    objective, found = (config.pop(name) for name in ("HyperParameterTuningJobObjective", "ParameterRanges"))
    definitions = [
        {**definition, "DefinitionName": name, "TuningObjective": objective, "HyperParameterRanges": found}
        for name in ("one", "other")
    ]
    request = {"HyperParameterTuningJobConfig": config, "TrainingJobDefinitions": definitions}

    result = airflow_task.run(task({**spec, "request": request}))

    store = ObjectStore(embedded_aws.client("s3"), embedded_aws.bucket)
    trials = json.loads(store.get(layout.trials(result["job"])))["trials"]
    assert sorted(trial["definition"] for trial in trials) == ["one", "other"]


def test_a_worker_killed_when_it_has_submitted_leaves_one_job(embedded_aws: LocalAws) -> None:
    spec = tuning(embedded_aws, jobs=2)
    folders = [str(REPOSITORY / folder) for folder in ("include", "plugins", "tests")]
    killed = subprocess.run(
        [sys.executable, "-c", DRIVER, json.dumps(spec)],
        env={**os.environ, "PYTHONPATH": ":".join(folders)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    result = airflow_task.run(task(spec))

    assert result["job"] == name_of(spec)
    assert jobs_of(embedded_aws, spec) == {name_of(spec): "Completed"}
    assert len(children_of(embedded_aws, name_of(spec))) == 2


def test_killing_the_worker_stops_the_search_and_its_jobs(embedded_aws: LocalAws) -> None:
    spec = tuning(embedded_aws, **SLOW)
    operator = task(spec)
    airflow_task.deferral(operator)
    wait_until(lambda: len(children_of(embedded_aws, name_of(spec))) == 2)

    operator.on_kill()
    operator.on_kill()

    wait_until(lambda: is_stopped(embedded_aws, spec))
    assert {job["TrainingJobStatus"] for job in children_of(embedded_aws, name_of(spec))} == {"Stopped"}


def test_ending_a_deferred_task_by_hand_stops_the_search(embedded_aws: LocalAws) -> None:
    spec = tuning(embedded_aws, **SLOW)
    trigger = airflow_task.revived(airflow_task.deferral(task(spec)).trigger)

    asyncio.run(trigger.on_kill())

    wait_until(lambda: is_stopped(embedded_aws, spec))


@pytest.mark.parametrize("deferrable", [True, False])
def test_a_search_that_somebody_stopped_fails_the_task_in_both_modes(
    embedded_aws: LocalAws, deferrable: bool
) -> None:
    spec = tuning(embedded_aws, **SLOW)
    operator = task(spec, deferrable=deferrable)
    # Stopped as soon as it is there: the task finds it stopping, and waits for its end.
    operator.hook.api.meta.events.register(
        "after-call.sagemaker.CreateHyperParameterTuningJob",
        lambda **_: operator.hook.stop_job(JobKind.TUNING, name_of(spec)),
    )

    with pytest.raises(JobFailed, match="Stopped"):
        airflow_task.run(operator)


def test_a_search_that_another_try_stopped_is_worth_a_retry(embedded_aws: LocalAws) -> None:
    spec = tuning(embedded_aws, **SLOW)
    first, second = task(spec), task(spec)
    airflow_task.deferral(first)
    deferred = airflow_task.deferral(second)
    first.on_kill()

    with pytest.raises(ServiceError, match="Stopped"):
        airflow_task.resume(second, deferred, asyncio.run(airflow_task.first_event(deferred.trigger)))


def test_a_search_without_an_objective_fails_and_says_why(embedded_aws: LocalAws) -> None:
    spec = tuning(embedded_aws, "print('nothing to see')", jobs=2)

    with pytest.raises(JobFailed, match="No training job succeeded"):
        airflow_task.run(task(spec))
