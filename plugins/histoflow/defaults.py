"""What all DAGs have in common."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, ExceptionRetryPolicy, RetryAction, RetryRule

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
}

# Schemes that begin with x- are taken as they are; any other makes Airflow load every provider to read a DAG.
SNAPSHOT = Asset(name="idc_snapshot", uri="x-histoflow://idc/snapshot", group="histoflow")
DATASET = Asset(name="idc_dataset", uri="x-histoflow://idc/dataset", group="histoflow")
CANDIDATES = Asset(name="idc_candidates", uri="x-histoflow://idc/candidates", group="histoflow")
ENDPOINT = Asset(name="idc_endpoint", uri="x-histoflow://idc/endpoint", group="histoflow")
