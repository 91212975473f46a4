"""
### The dataset becomes candidates

Trains every variant as a SageMaker **training job**, all on the same dataset. A job sees the train and
validation patients only; the test patients are for `idc_deploy`.

| | |
|---|---|
| runs | when `idc_convert` has a dataset for the partition, or when triggered with a partition key |
| reads | `datasets/<digest>/recordio/{train,validation}/` |
| writes | `jobs/<job>/output/model.tar.gz`, `candidates/<partition>/<variant>/candidate.json` |
| then | `idc_deploy` starts for the same partition |

**Running it again** with the same dataset, scripts, image and parameters finds the completed jobs and returns
their results: the log of `train` says so.

**When it fails**, the end of the job's log is in the log of `train`, with SageMaker's reason. A killed task
stops its job; a retry adopts a job that still runs, and begins a new attempt after one that failed.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param, PartitionedAssetTimetable, dag, task

from histoflow.defaults import CANDIDATES, DATASET, DEFAULT_ARGS
from histoflow.operators.sagemaker import SageMakerTrainingOperator


@dag(
    dag_id="idc_train",
    dag_display_name="IDC 3 · train",
    description="dataset → candidates",
    doc_md=__doc__,
    schedule=PartitionedAssetTimetable(assets=DATASET),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    tags=["histoflow", "model", "sagemaker"],
    params={
        "epochs": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            maximum=1000,
            title="Epochs",
            description="How often the training patches are gone through. Empty: the setting.",
        ),
        "batch_size": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            maximum=4096,
            title="Batch size",
            description="Patches per step. Empty: the setting.",
        ),
        "learning_rate": Param(
            None,
            type=["null", "number"],
            exclusiveMinimum=0,
            maximum=10,
            title="Learning rate",
            description="The highest rate of the schedule. Empty: the setting.",
        ),
        "seed": Param(
            None,
            type=["null", "integer"],
            minimum=0,
            title="Seed",
            description="Decides initial weights, order and augmentation. Empty: the setting.",
        ),
    },
)
def idc_train() -> None:
    @task
    def plan() -> list[dict[str, Any]]:
        """Upload the scripts and plan a training job for each variant."""
        from histoflow import runs
        from idc.settings import settings
        from idc.stages import train

        return train.plan(
            runs.store(),
            settings(),
            dag_id=runs.dag_id(),
            partition=runs.partition(),
            hyperparameters=runs.hyperparameters(),
        )

    @task(outlets=[CANDIDATES])
    def record(planned: list[dict[str, Any]], jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Record what the jobs made as candidates, and announce them."""
        from histoflow import runs
        from idc.stages import train

        facts = train.record(runs.store(), partition=runs.partition(), planned=planned, jobs=jobs)
        runs.publish(CANDIDATES, candidates=facts)
        return facts

    planned = plan()
    train = SageMakerTrainingOperator.partial(
        task_id="train", doc_md="Runs a variant's training job.", map_index_template="{{ task.spec.prefix }}"
    ).expand(spec=planned)
    record(planned, train.output)


idc_train()
