"""What all DAGs have in common."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, ExceptionRetryPolicy, RetryAction, RetryRule
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from histoflow.notifiers import FAILURE, report_missed_deadline

RETRY_POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception="idc.errors.PermanentError",
            action=RetryAction.FAIL,
            reason="The same call would fail again: mend what the error names, then clear the task.",
        )
    ]
)

DEFAULT_ARGS: dict[str, Any] = {
    "owner": "histoflow",
    "retries": 3,
    "retry_delay": timedelta(seconds=20),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=10),
    "retry_policy": RETRY_POLICY,
    "execution_timeout": timedelta(hours=6),
    "on_failure_callback": FAILURE(),
}

# As many jobs at once as the account's SageMaker quotas allow, whatever months are being rebuilt. A deferred
# task keeps its slot: the pool has to be made with `--include-deferred`, or it would protect nothing.
SAGEMAKER_POOL = "histoflow_sagemaker"
# A job ends by its own stopping condition, and the wait for it with the job.
JOB_ARGS: dict[str, Any] = {"pool": SAGEMAKER_POOL, "execution_timeout": None}
# The label of a mapped job: equal requests are one job, for all variants that asked for it.
VARIANTS_LABEL = "{{ task.spec.variants | join(', ') }}"


def deadline(limit: timedelta) -> DeadlineAlert:
    """Return the alert for a run that has not ended so long after it was queued; the run goes on."""
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=limit,
        callback=AsyncCallback(report_missed_deadline),
    )


# Schemes that begin with x- are taken as they are; any other makes Airflow load every provider to read a DAG.
SNAPSHOT = Asset(name="idc_snapshot", uri="x-histoflow://idc/snapshot", group="histoflow")
DATASET = Asset(name="idc_dataset", uri="x-histoflow://idc/dataset", group="histoflow")
CANDIDATES = Asset(name="idc_candidates", uri="x-histoflow://idc/candidates", group="histoflow")
DECISION = Asset(name="idc_decision", uri="x-histoflow://idc/decision", group="histoflow")
ENDPOINT = Asset(name="idc_endpoint", uri="x-histoflow://idc/endpoint", group="histoflow")
RETRAIN = Asset(name="idc_retrain", uri="x-histoflow://idc/retrain", group="histoflow")
