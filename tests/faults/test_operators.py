"""Our SageMaker operators on an embedded AWS that executes: adopted, never doubled, stopped when killed."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import airflow_task
import pytest
from airflow.sdk.exceptions import AirflowSkipException
from aws_jobs import waiting_for
from local_aws import REPOSITORY, LocalAws, archive, wait_until

from histoflow.operators.sagemaker import SageMakerProcessingOperator, SageMakerTrainingOperator
from idc.errors import JobConflict, JobFailed, RequestRejected, ServiceError
from idc.jobs import state
from idc.jobs.spec import JobKind, JobSpec

pytestmark = pytest.mark.slow

QUICK = "import os\nopen(os.path.join(os.environ['SM_MODEL_DIR'], 'weights'), 'w').write('w')"
FAILING = "import sys\nprint('about to fail')\nsys.exit('the loss is nan')"
ENDLESS = "import time\nprint('busy', flush=True)\ntime.sleep(300)"
DRIVER = """
import json, os, signal, sys
import airflow_task
from histoflow.operators.sagemaker import SageMakerTrainingOperator

operator = SageMakerTrainingOperator(task_id="train", spec=json.loads(sys.argv[1]))
steps, fatal = 0, int(sys.argv[2])

def count(**_):
    global steps
    steps += 1
    if steps == fatal:
        os.kill(os.getpid(), signal.SIGKILL)

for event in ("before-send.sagemaker", "after-call.sagemaker"):
    operator.hook.api.meta.events.register(event, count)
airflow_task.run(operator)
print(steps)
"""
_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def at_the_embedded_aws(embedded_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in embedded_aws.env.items():
        monkeypatch.setenv(name, value)


def training(aws: LocalAws, script: str, prefix: str | None = None, **changes: Any) -> dict[str, Any]:
    """Return the specification of a training job that runs the script."""
    prefix = prefix or f"operator-{time.time_ns() // 1000 % 10**9}-{next(_numbers)}"
    key = f"code/{prefix}/sourcedir.tar.gz"
    aws.client("s3").put_object(Bucket=aws.bucket, Key=key, Body=archive(train=script))
    request = {
        "AlgorithmSpecification": {"TrainingImage": aws.image, "TrainingInputMode": "File"},
        "RoleArn": aws.role_arn,
        "HyperParameters": {
            "sagemaker_program": '"train.py"',
            "sagemaker_submit_directory": f'"s3://{aws.bucket}/{key}"',
        },
        "OutputDataConfig": {"S3OutputPath": f"s3://{aws.bucket}/jobs"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        **changes,
    }
    return JobSpec(JobKind.TRAINING, prefix, request).to_dict()


def task(spec: dict[str, Any] | None, **options: Any) -> SageMakerTrainingOperator:
    return SageMakerTrainingOperator(task_id="train", spec=spec, **options)


def jobs_of(aws: LocalAws, spec: dict[str, Any]) -> dict[str, str]:
    """Return the status of every job whose name begins as the specification's does."""
    answer = aws.client("sagemaker").list_training_jobs(NameContains=spec["prefix"])
    return {job["TrainingJobName"]: job["TrainingJobStatus"] for job in answer["TrainingJobSummaries"]}


def name_of(spec: dict[str, Any], attempt: int = 1) -> str:
    return JobSpec.from_dict(JobKind.TRAINING, spec).name(attempt)


def test_a_job_is_run_and_its_result_is_small(embedded_aws: LocalAws) -> None:
    spec = training(embedded_aws, QUICK)

    result = airflow_task.run(task(spec))

    assert result["job"] == name_of(spec)
    assert result["model_data"] == f"s3://{embedded_aws.bucket}/jobs/{name_of(spec)}/output/model.tar.gz"
    assert len(json.dumps(result)) < 500


def test_a_completed_job_is_returned_with_the_same_result(embedded_aws: LocalAws) -> None:
    spec = training(embedded_aws, QUICK)
    first = airflow_task.run(task(spec))

    assert airflow_task.run(task(spec)) == first
    assert airflow_task.run(task(spec, deferrable=False)) == first
    assert jobs_of(embedded_aws, spec) == {name_of(spec): "Completed"}


def test_without_deferring_the_worker_waits(embedded_aws: LocalAws) -> None:
    spec = training(embedded_aws, QUICK)

    assert airflow_task.begin(task(spec, deferrable=False))["job"] == name_of(spec)


def test_a_running_job_is_adopted(embedded_aws: LocalAws, tmp_path: Path) -> None:
    may_end = tmp_path / "may-end"
    spec = training(embedded_aws, waiting_for(may_end))
    airflow_task.deferral(task(spec))

    second = task(spec)
    deferred = airflow_task.deferral(second)
    may_end.touch()
    event = asyncio.run(airflow_task.first_event(deferred.trigger))
    result = airflow_task.resume(second, deferred, event)

    assert result["job"] == name_of(spec)
    assert jobs_of(embedded_aws, spec) == {name_of(spec): "Completed"}


def test_the_end_of_the_log_and_the_reason_are_shown_when_a_job_fails(
    embedded_aws: LocalAws, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = training(embedded_aws, FAILING)

    with pytest.raises(JobFailed, match="the loss is nan"):
        airflow_task.run(task(spec))

    assert "about to fail" in caplog.text + capsys.readouterr().out


def test_after_a_failure_the_next_try_is_the_next_attempt(embedded_aws: LocalAws) -> None:
    spec = training(embedded_aws, FAILING)
    for _ in range(2):
        with pytest.raises(JobFailed):
            airflow_task.run(task(spec))

    assert jobs_of(embedded_aws, spec) == {name_of(spec): "Failed", name_of(spec, 2): "Failed"}


def test_after_a_stop_the_next_try_is_the_next_attempt(embedded_aws: LocalAws) -> None:
    spec = training(embedded_aws, ENDLESS)
    first = task(spec)
    airflow_task.deferral(first)
    first.on_kill()
    second = task(spec)
    airflow_task.deferral(second)

    assert second._job == name_of(spec, 2)
    second.on_kill()
    wait_until(lambda: set(jobs_of(embedded_aws, spec).values()) == {"Stopped"})


def test_another_request_under_the_same_name_is_never_adopted(embedded_aws: LocalAws) -> None:
    spec = training(embedded_aws, QUICK)
    request = JobSpec.from_dict(JobKind.TRAINING, spec).create_request()
    request["HyperParameters"] = {**request["HyperParameters"], "epochs": "99"}
    request["StoppingCondition"] = {"MaxRuntimeInSeconds": 30}
    request.pop("Tags")
    embedded_aws.client("sagemaker").create_training_job(**request)

    with pytest.raises(JobConflict, match=r"StoppingCondition.MaxRuntimeInSeconds: 30, expected 60"):
        airflow_task.run(task(spec))

    assert list(jobs_of(embedded_aws, spec)) == [name_of(spec)]


def test_killing_the_worker_stops_the_job(embedded_aws: LocalAws) -> None:
    spec = training(embedded_aws, ENDLESS)
    operator = task(spec)
    airflow_task.deferral(operator)

    operator.on_kill()
    operator.on_kill()

    wait_until(lambda: jobs_of(embedded_aws, spec) == {name_of(spec): "Stopped"})


def test_a_task_that_is_killed_while_it_submits_stops_what_it_submitted(embedded_aws: LocalAws) -> None:
    spec = training(embedded_aws, ENDLESS)
    operator = task(spec)
    events = operator.hook.api.meta.events
    events.register("after-call.sagemaker.CreateTrainingJob", lambda **_: operator.on_kill())

    with pytest.raises(JobFailed, match="Stopped"):
        airflow_task.begin(operator)

    assert jobs_of(embedded_aws, spec) == {name_of(spec): "Stopped"}


def test_ending_a_deferred_task_by_hand_stops_the_job(embedded_aws: LocalAws) -> None:
    spec = training(embedded_aws, ENDLESS)
    trigger = airflow_task.revived(airflow_task.deferral(task(spec)).trigger)

    asyncio.run(trigger.on_kill())

    wait_until(lambda: jobs_of(embedded_aws, spec) == {name_of(spec): "Stopped"})


def test_a_job_that_another_try_stopped_is_worth_a_retry(embedded_aws: LocalAws) -> None:
    spec = training(embedded_aws, ENDLESS)
    first, second = task(spec), task(spec)
    airflow_task.deferral(first)
    deferred = airflow_task.deferral(second)
    first.on_kill()

    with pytest.raises(ServiceError, match="Stopped"):
        airflow_task.resume(second, deferred, asyncio.run(airflow_task.first_event(deferred.trigger)))


def test_a_job_that_runs_out_of_time_fails_and_says_so(embedded_aws: LocalAws) -> None:
    spec = training(embedded_aws, ENDLESS, StoppingCondition={"MaxRuntimeInSeconds": 1})

    with pytest.raises(JobFailed, match=r"Stopped: .*[Mm]ax"):
        airflow_task.run(task(spec))


def test_a_job_that_should_long_be_over_is_stopped(
    embedded_aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "UPLOAD_GRACE", timedelta(days=-2))
    spec = training(embedded_aws, ENDLESS)

    with pytest.raises(JobFailed, match="expected an end by"):
        airflow_task.run(task(spec))

    wait_until(lambda: jobs_of(embedded_aws, spec) == {name_of(spec): "Stopped"})


def test_a_request_sagemaker_refuses_is_not_worth_a_retry(embedded_aws: LocalAws) -> None:
    spec = training(embedded_aws, QUICK, RoleArn="arn:aws:iam::123456789012:user/nobody")

    with pytest.raises(RequestRejected, match="ValidationException"):
        airflow_task.run(task(spec))


def test_without_a_job_to_run_the_task_is_skipped() -> None:
    with pytest.raises(AirflowSkipException):
        airflow_task.run(task(None))


def test_a_processing_job_is_run_too(embedded_aws: LocalAws) -> None:
    request = {
        "AppSpecification": {
            "ImageUri": embedded_aws.image,
            "ContainerEntrypoint": ["python3", "-c", "print(1)"],
        },
        "ProcessingResources": {
            "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
        },
        "RoleArn": embedded_aws.role_arn,
    }
    spec = JobSpec(JobKind.PROCESSING, f"processing-{time.time_ns()}", request)
    operator = SageMakerProcessingOperator(task_id="convert", spec=spec.to_dict())

    assert airflow_task.run(operator)["job"] == spec.name()


def drive(spec: dict[str, Any], fatal: int) -> subprocess.CompletedProcess[str]:
    """Run the task in a process that kills itself at a step: before a request, or after its answer."""
    folders = [str(REPOSITORY / folder) for folder in ("include", "plugins", "tests")]
    return subprocess.run(
        [sys.executable, "-c", DRIVER, json.dumps(spec), str(fatal)],
        env={**os.environ, "PYTHONPATH": ":".join(folders)},
        capture_output=True,
        text=True,
        timeout=100,
    )


@pytest.mark.timeout(600)
def test_a_worker_killed_at_any_step_leaves_one_job(
    embedded_aws: LocalAws, sample: Callable[[Sequence[int]], Sequence[int]]
) -> None:
    """The steps: each request a task makes to SageMaker, before it is sent and after it is answered."""
    whole = drive(training(embedded_aws, QUICK), 0)
    assert whole.returncode == 0, whole.stderr
    steps = int(whole.stdout.split()[-1])
    assert steps >= 4, whole.stdout
    for fatal in sample(range(1, steps + 1)):
        spec = training(embedded_aws, QUICK)
        killed = drive(spec, fatal)
        assert killed.returncode == -signal.SIGKILL, killed.stderr

        result = airflow_task.run(task(spec))

        assert result["job"] == name_of(spec), f"killed at step {fatal}"
        assert jobs_of(embedded_aws, spec) == {name_of(spec): "Completed"}, f"killed at step {fatal}"
