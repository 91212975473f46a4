"""
### Monitor: is the served model as good as in its evaluation?

Compares captured requests and answers of the endpoint, and doctors' labels sent to the REST API, with the
evaluation of the served model. Computes stability indices of stains, colour, tissue and probabilities, and
metrics on the labels, with 95 % bounds if there are enough.

| | |
|---|---|
| runs | every day at 4:00 UTC for the day before; by hand with a day (`2026-11-24`) as partition key |
| reads | `capture/<endpoint>/<version>/…`, `feedback/…`, the evaluation of the served model |
| writes | `monitoring/<day>/report.html`, `monitoring.json`; once a model `models/<digest>/reference.json` |
| then | `keep`: nothing; `advise`: people are told; `retrain`: `idc_train` trains the newest partition |

`retrain` runs if *What follows* is `train`; otherwise people are told and decide. A partition is retrained once
for a model, because the same data hold nothing new. A new snapshot does.

**Running it again** for a past day uses the same model and writes the same. **A backfill** makes past days:
`airflow backfill create --dag-id idc_monitor --from-date 2026-11-01 --to-date 2026-11-25`.

**When it fails**, the endpoint is not affected. A missing endpoint, traffic or label is no failure. Nor is a
damaged line or label: report and log name it. Research software, not a diagnostic device.
"""  # noqa: E501

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import CronPartitionTimetable, dag, task

from histoflow import forms
from histoflow.defaults import DEFAULT_ARGS, RETRAIN, deadline
from histoflow.notifiers import RETRAINING_ADVISED, RETRAINING_STARTED
from histoflow.operators.report import MonitoringReportOperator


@dag(
    dag_id="idc_monitor",
    dag_display_name="IDC · monitor",
    description="feedback and drift → report → retraining",
    doc_md=__doc__,
    schedule=CronPartitionTimetable("0 4 * * *", timezone="UTC", run_offset=-1, key_format="%Y-%m-%d"),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    deadline=deadline(timedelta(hours=2)),
    tags=["histoflow", "model", "monitoring"],
    params=forms.monitoring(),
)
def idc_monitor() -> None:
    report = MonitoringReportOperator(
        task_id="report",
        day="{{ dag_run.partition_key }}",
        doc_md="Looks at the days up to this one. The button *Monitoring report* opens what was found.",
    )

    @task.branch
    def decide(found: dict[str, Any]) -> str:
        """Choose what follows: `keep`, or where training again is advised `advise` or `retrain`."""
        from histoflow import monitoring

        return monitoring.decide(found, keeping="keep", advising="advise", retraining="retrain")

    @task(on_success_callback=RETRAINING_ADVISED())
    def advise(found: dict[str, Any]) -> list[str]:
        """Tell people that training again is advised, and why."""
        return list(found["reasons"])

    @task(outlets=[RETRAIN], on_success_callback=RETRAINING_STARTED())
    def retrain(found: dict[str, Any]) -> dict[str, Any]:
        """Have `idc_train` train the newest partition once more, with another seed."""
        from histoflow import monitoring

        return monitoring.retrain(found, asset=RETRAIN)

    keep = EmptyOperator(task_id="keep", doc_md="Nothing speaks for training again.")
    found: Any = report.output
    decide(found) >> [keep, advise(found), retrain(found)]


idc_monitor()
