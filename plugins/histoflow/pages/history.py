"""The page on all partitions, as it lies in the bucket."""

from __future__ import annotations

from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import APIRouter, Depends, Response

from histoflow.pages.bucket import page
from idc import layout

DAG_ID = "idc_history"  # who may read the DAG that makes the page may read the page

router = APIRouter(dependencies=[Depends(requires_access_dag("GET", param_dag_id=DAG_ID))])


@router.get("/history/history.html")
def read_history() -> Response:
    """Answer with the page on all partitions."""
    return page(lambda _: layout.history_page(), "", f"There is no page yet. Run {DAG_ID}.")
