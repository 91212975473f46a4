"""The one task that runs in the SageMaker SDK's environment, run there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import local_aws
import pytest
from airflow.dag_processing.dagbag import DagBag

from idc.jobs.training import Channel, Machine, TrainingPlan, training_request

ROOT = Path(__file__).resolve().parents[3]
PLAN = TrainingPlan(
    image="811284229777.dkr.ecr.us-east-1.amazonaws.com/image-classification:1",
    role_arn="arn:aws:iam::123456789012:role/histoflow",
    region="us-east-1",
    channels=(Channel("train", "s3://a-bucket/train.manifest", "Pipe", "ManifestFile"),),
    hyperparameters={"num_classes": 2},
    output="s3://a-bucket/jobs",
    machine=Machine("ml.c5.2xlarge", 1, 30, 600),
    input_mode="Pipe",
    estimator="sagemaker.estimator.Estimator",
)


def test_the_request_is_made_in_the_interpreter_that_the_plan_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "include"))
    task: Any = DagBag(dag_folder=ROOT / "dags" / "idc_train.py").dags["idc_train"].get_task("request")
    assert task.python == "{{ ti.xcom_pull(task_ids='plan')['python'] }}"
    assert "python" in task.template_fields
    planned = {"variant": "builtin-sdk", "dataset_digest": "d" * 64, "prefix": "p", "plan": PLAN.to_dict()}

    task.python, task.op_args, task.op_kwargs = local_aws.interpreter("sagemaker-sdk"), [[planned]], {}
    task._bundle_path = None  # what `execute` takes from a running task's context
    [made] = task.execute_callable()

    assert made == {
        "variant": "builtin-sdk",
        "dataset_digest": "d" * 64,
        "prefix": "p",
        "request": training_request(PLAN),
        "variants": ["builtin-sdk"],
    }
