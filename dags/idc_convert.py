"""
### The snapshot becomes a dataset that can be trained on

A SageMaker **Processing job** reads the archive by ranges and cuts RecordIO shards from it, patient by
patient: nobody is in two of train, validation and test. The index, a SHA-256 per shard, is written last.

| | |
|---|---|
| runs | when `idc_ingest` has a snapshot for the partition, or when triggered with a partition key |
| reads | `snapshots/<partition>/archive.zip` |
| writes | `datasets/<digest>/…`, `index.json` last; its name in `snapshots/<partition>/dataset.json` |
| then | `idc_train` starts for the same partition |

**Running it again** with the same snapshot, code, image and parameters finds the dataset and runs no job:
`convert` is skipped then, and the log of `plan` says so.

**When it fails**, the end of the job's log is in the log of `convert`, with SageMaker's reason. Wrong data is
not retried. A killed task stops its job; a retry adopts a job that still runs.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param, PartitionedAssetTimetable, TriggerRule, dag, task

from histoflow.defaults import DATASET, DEFAULT_ARGS, SNAPSHOT
from histoflow.operators.sagemaker import SageMakerProcessingOperator


def share(split: str) -> Param:
    """Return the form's field for one split's share."""
    return Param(
        None,
        type=["null", "number"],
        exclusiveMinimum=0,
        exclusiveMaximum=1,
        title=f"Share for {split}",
        description=f"The share of patients for {split}. The three add up to 1. Empty: the setting.",
    )


@dag(
    dag_id="idc_convert",
    dag_display_name="IDC 2 · convert",
    description="snapshot → RecordIO dataset, split by patient",
    doc_md=__doc__,
    schedule=PartitionedAssetTimetable(assets=SNAPSHOT),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    tags=["histoflow", "data", "sagemaker"],
    params={
        "seed": Param(
            None,
            type=["null", "integer"],
            minimum=0,
            title="Seed",
            description="Decides the split and the order of the patches. Empty: the setting.",
        ),
        "train_share": share("train"),
        "validation_share": share("validation"),
        "test_share": share("test"),
    },
)
def idc_convert() -> None:
    @task
    def plan() -> dict[str, Any]:
        """Name the dataset by what goes into it, and plan the job that makes it if there is none yet."""
        from histoflow import runs
        from idc.settings import settings
        from idc.stages import convert

        return convert.plan(
            runs.store(),
            settings(),
            dag_id=runs.dag_id(),
            partition=runs.partition(),
            options=runs.conversion_options(),
        )

    @task(
        outlets=[DATASET],
        trigger_rule=TriggerRule.NONE_FAILED,
    )
    def publish(dataset_digest: str) -> dict[str, Any]:
        """Make the dataset the partition's own, and announce it."""
        from histoflow import runs
        from idc.stages import convert

        facts = convert.publish(runs.store(), partition=runs.partition(), dataset_digest=dataset_digest)
        runs.publish(DATASET, **facts)
        return facts

    planned = plan()
    convert = SageMakerProcessingOperator(
        task_id="convert", spec=planned["spec"], doc_md="Runs the conversion as a SageMaker Processing job."
    )
    planned >> convert >> publish(planned["dataset_digest"])


idc_convert()
