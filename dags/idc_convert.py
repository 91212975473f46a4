"""
### Convert: the snapshot becomes a dataset

A SageMaker **Processing job** of one or more instances reads the archive by ranges and cuts shards from it.
It splits by patient: no patient is in two of train, validation and test. Each shard is written as RecordIO and
as TFRecord, with the same patches in the same order. The index, a SHA-256 per file, is written last.

| | |
|---|---|
| runs | when `idc_ingest` has a snapshot for the partition, or when triggered with a partition key |
| reads | `snapshots/<partition>/archive.zip`; a given split, if there is one |
| writes | `datasets/<digest>/…`, `index.json` last; its name in `snapshots/<partition>/dataset.json` |
| then | `idc_train` starts for the same partition; `report` writes `report.html` for people |

**Running it again** with the same snapshot, code, image and parameters finds the dataset, reads it back
completely, and runs no job: `convert` is skipped, and the log of `plan` says so. The number of instances does
not change the dataset. **Rebuild** writes every file again.

**When it fails**, the log of `convert` has the end of the job's log and SageMaker's reason. Wrong data is not
retried. A killed task stops its job. A retry adopts a running job, or makes only the missing shards.
`CorruptShard` in `plan` names the damaged file: run it with **Rebuild**. No task waits for `report`; its button
*Dataset report* opens the page.
"""  # noqa: E501

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import PartitionedAssetTimetable, TriggerRule, dag, task

from histoflow import forms
from histoflow.defaults import DATASET, DEFAULT_ARGS, JOB_ARGS, SNAPSHOT, deadline
from histoflow.operators.report import DatasetReportOperator
from histoflow.operators.sagemaker import SageMakerProcessingOperator


@dag(
    dag_id="idc_convert",
    dag_display_name="IDC 2 · convert",
    description="snapshot → RecordIO and TFRecord dataset, split by patient",
    doc_md=__doc__,
    schedule=PartitionedAssetTimetable(assets=SNAPSHOT),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    deadline=deadline(timedelta(hours=6)),
    tags=["histoflow", "data", "sagemaker"],
    params=forms.conversion(),
)
def idc_convert() -> None:
    @task
    def plan() -> dict[str, Any]:
        """Name the dataset by the digest of its inputs, and plan its job if it does not exist yet."""
        from histoflow import runs
        from idc.convert import stage
        from idc.settings import settings

        planned = stage.plan(
            runs.store(),
            settings(),
            dag_id=runs.dag_id(),
            partition=runs.partition(),
            options=runs.conversion_options(),
            split=runs.given_split(),
            instances=runs.parameter("instances", None),
            rebuild=runs.rebuild(),
        )
        return planned.to_dict()

    @task(
        outlets=[DATASET],
        trigger_rule=TriggerRule.NONE_FAILED,
    )
    def publish(dataset_digest: str) -> dict[str, Any]:
        """Record the dataset as the partition's own, and publish the asset."""
        from histoflow import runs
        from idc.convert import stage

        facts = stage.publish(runs.store(), partition=runs.partition(), dataset_digest=dataset_digest)
        runs.publish(DATASET, **facts)
        return facts

    planned = plan()
    convert = SageMakerProcessingOperator(
        task_id="convert",
        spec=planned["spec"],
        doc_md="Runs the conversion as a SageMaker Processing job.",
        **JOB_ARGS,
    )
    published = publish(planned["dataset_digest"])
    report = DatasetReportOperator(
        task_id="report",
        dataset_digest=published["dataset_digest"],
        doc_md="Writes the dataset's report. The button *Dataset report* opens it.",
    )
    planned >> convert >> published >> report


idc_convert()
