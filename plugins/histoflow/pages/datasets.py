"""The page of one dataset: its report, as it lies in the bucket."""

from __future__ import annotations

from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import APIRouter, Depends, Response

from histoflow.pages.bucket import page
from idc import layout

DAG_ID = "idc_convert"  # who may read the DAG that makes the reports may read the reports

router = APIRouter(dependencies=[Depends(requires_access_dag("GET", param_dag_id=DAG_ID))])


@router.get("/datasets/{dataset_digest}/report.html")
def read_report(dataset_digest: str) -> Response:
    """Answer with a dataset's report."""
    missing = f"dataset {dataset_digest}: no report. Run the task `report` of {DAG_ID}."
    return page(layout.report, dataset_digest, missing)
