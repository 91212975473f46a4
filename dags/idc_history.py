"""
### History: all partitions on one page

Reads the results of every partition from S3 and writes `history/history.html` with a chart: patients and
patches, the dataset, the candidates' metrics with 95 % bounds over patients, and the champion.

| | |
|---|---|
| runs | when `idc_deploy` has decided about a partition, or when triggered |
| reads | `snapshots/*/manifest.json`, `candidates/*/*/metrics.json`, `candidates/*/decision.json` |
| writes | `history/history.html`, `history/history.png` |

**Running it again** writes the same page, unless a result has changed.

**When it fails**, no other DAG is affected. The message names the object that could not be read.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import PartitionedAssetTimetable, dag

from histoflow.defaults import DECISION, DEFAULT_ARGS, deadline
from histoflow.operators.report import HistoryReportOperator


@dag(
    dag_id="idc_history",
    dag_display_name="IDC · history",
    description="all partitions → one page with a chart",
    doc_md=__doc__,
    schedule=PartitionedAssetTimetable(assets=DECISION),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    deadline=deadline(timedelta(hours=1)),
    tags=["histoflow", "model"],
)
def idc_history() -> None:
    HistoryReportOperator(
        task_id="report", doc_md="Writes the page on all partitions. The button *History* opens it."
    )


idc_history()
