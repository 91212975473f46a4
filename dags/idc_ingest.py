"""
### An archive becomes the snapshot of one partition

Streams an archive in the layout of Kaggle's *Breast Histopathology Images* into S3 as **one object** and
writes its manifest: SHA-256, patients, patches per class, doubled and refused members.

| | |
|---|---|
| runs | on the first of each month for that month's partition, or when triggered with a partition key |
| reads | a path on this machine, `s3://bucket/key`, or `synthetic://?…`, a generated sample |
| writes | `snapshots/<partition>/archive.zip` and, last, `manifest.json` |
| then | `idc_convert` starts for the same partition |

**Running it again** with the same archive reuses the snapshot. Another archive under the same partition is
refused with `SnapshotConflict`: a partition names one snapshot for good. Choose another for other data.

**When it fails** the message names the archive and what is wrong with it. Wrong input is not retried; a store
that does not answer is. Nothing half-written is ever taken for a snapshot.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import CronPartitionTimetable, Param, dag, task

from histoflow.defaults import DEFAULT_ARGS, SNAPSHOT


@dag(
    dag_id="idc_ingest",
    dag_display_name="IDC 1 · ingest",
    description="Kaggle archive → snapshot",
    doc_md=__doc__,
    schedule=CronPartitionTimetable("0 3 1 * *", timezone="UTC", key_format="%Y-%m"),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    tags=["histoflow", "data"],
    params={
        "archive": Param(
            None,
            type=["null", "string"],
            title="Archive",
            description="A path on the worker, `s3://bucket/key`, or for a generated sample "
            "`synthetic://?patients=24&patches=4800&seed=7`. Empty: the setting `HISTOFLOW_ARCHIVE`.",
        )
    },
)
def idc_ingest() -> None:
    @task(
        outlets=[SNAPSHOT], doc_md="Streams the archive into S3 as one object and writes its manifest last."
    )
    def snapshot() -> dict[str, Any]:
        """Stream the archive into S3 as one object, its manifest last, unless the partition holds it."""
        from histoflow import runs
        from idc.settings import settings
        from idc.stages import ingest

        archive = runs.parameter("archive", settings().archive)
        facts = ingest.run(runs.store(), partition=runs.partition(), archive=archive)
        runs.publish(SNAPSHOT, **facts)
        return facts

    snapshot()


idc_ingest()
