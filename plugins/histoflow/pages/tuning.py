"""The page of one tuning job, as it lies in the bucket."""

from __future__ import annotations

from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import APIRouter, Depends, Response

from histoflow.pages.bucket import page
from idc import layout

DAG_ID = "idc_tune"  # who may read the DAG that tunes may read what it found

router = APIRouter(dependencies=[Depends(requires_access_dag("GET", param_dag_id=DAG_ID))])


@router.get("/tuning/{tuning_job}/tuning.html")
def read_tuning(tuning_job: str) -> Response:
    """Answer with the page on a tuning job."""
    missing = (
        f"tuning job {tuning_job}: no page. The task `tune` of {DAG_ID} writes it when it has completed."
    )
    return page(layout.tuning_page, tuning_job, missing)
