"""
### Ingest: an archive becomes the snapshot of a partition

Streams an archive in the layout of Kaggle's *Breast Histopathology Images* into S3 as **one object**. Writes
its manifest: source and version, SHA-256, patients, patches per class, duplicate and refused members.

| | |
|---|---|
| runs | on the first of each month for that month's partition, or when triggered with a partition key |
| reads | a data set of Kaggle, `https://…`, `s3://bucket/key`, a path on this machine, or `synthetic://?…` |
| writes | `snapshots/<partition>/archive.zip` and, last, `manifest.json` |
| then | `idc_convert` starts for the same partition |

`source` chooses the task: `kaggle` asks Kaggle with the connection `kaggle_default`, `archive` takes all else.
A partition pins the version it took. Each version is fetched once, however many partitions need it.

**A backfill** makes a run for every month of a period: `airflow backfill create --dag-id idc_ingest
--from-date 2026-06-01 --to-date 2026-11-30`. `then` in its configuration holds values for the DAGs after this
one. Each run writes a run manifest, `runs/<partition>/<dag>/<run>.json`.

**Running it again** with the same archive reuses the snapshot. Another archive for the same partition fails
with `SnapshotConflict`, because a snapshot never changes. Choose another partition for other data.

**When it fails**, the message names the archive and the error. Wrong input is not retried. A source that does
not answer is retried, and the transfer resumes. A half-written snapshot is never used.
"""  # noqa: E501

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import CronPartitionTimetable, Param, dag, task

from histoflow import forms
from histoflow.defaults import DEFAULT_ARGS, SNAPSHOT, deadline
from histoflow.operators.kaggle import KaggleDatasetToS3Operator


@dag(
    dag_id="idc_ingest",
    dag_display_name="IDC 1 · ingest",
    description="Kaggle archive → snapshot",
    doc_md=__doc__,
    schedule=CronPartitionTimetable("0 3 1 * *", timezone="UTC", key_format="%Y-%m"),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    deadline=deadline(timedelta(hours=4)),
    tags=["histoflow", "data"],
    params={
        "archive": Param(
            None,
            type=["null", "string"],
            pattern=r"^((kaggle|https?|s3|file|synthetic)://\S+|(?!.*://).*)$",
            title="Archive",
            description="`kaggle://owner/name`, `https://…`, `s3://bucket/key`, a path on the worker, or for "
            "a generated sample `synthetic://?patients=24&patches=4800&seed=7`, with two patients more every "
            "month after `&grows=2&since=2026-06`. Empty: the setting "
            "`HISTOFLOW_ARCHIVE`, else Kaggle's Breast Histopathology Images if there is a connection.",
        ),
        "version": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Version",
            description="Of a data set of Kaggle. Empty: the one the partition has, else the newest.",
        ),
        "split": forms.split("`idc_convert` splits by its setting, seed and shares"),
        "then": forms.then(),
    },
)
def idc_ingest() -> None:
    @task.branch
    def source() -> str:
        """Choose the task by the archive's address, and check the values for later DAGs."""
        from histoflow import handover, runs
        from idc.ingest.releases import is_release

        handover.check(runs.parameter("then", {}))
        if not is_release(runs.archive()):
            return "archive"
        runs.hand_on(dataset=runs.archive(), partition=runs.partition())
        return "kaggle"

    kaggle = KaggleDatasetToS3Operator(
        task_id="kaggle",
        dataset="{{ ti.xcom_pull(task_ids='source', key='dataset') }}",
        partition="{{ ti.xcom_pull(task_ids='source', key='partition') }}",
        outlets=[SNAPSHOT],
        doc_md="Streams a version of Kaggle's data set into S3 as one object, its manifest last.",
    )

    @task(outlets=[SNAPSHOT])
    def archive() -> dict[str, Any]:
        """Stream the archive into S3 as one object, its manifest last, unless the partition holds it."""
        from histoflow import runs
        from idc.ingest import stage

        split = stage.keep_split(runs.store(), runs.parameter("split", None))
        facts = stage.run(runs.store(), partition=runs.partition(), archive=runs.archive())
        runs.publish(SNAPSHOT, **facts, split=split)
        return facts

    source() >> [kaggle, archive()]


idc_ingest()
