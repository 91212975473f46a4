"""What monitoring found: the newest days, and the report on each, as it lies in the bucket."""

from __future__ import annotations

from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import APIRouter, Depends, Request, Response

from histoflow.pages.answers import answer
from histoflow.pages.bucket import page
from histoflow.pages.sources import sources
from idc import layout
from idc.dashboard import monitoring

DAG_ID = "idc_monitor"  # who may read the DAG that monitors may read what it found

router = APIRouter(dependencies=[Depends(requires_access_dag("GET", param_dag_id=DAG_ID))])


@router.get("/api/monitoring")
def read_days(request: Request) -> Response:
    """Answer with what was found on the newest days."""
    return answer(request, monitoring.newest(sources().documents))


@router.get("/monitoring/{day}/report.html")
def read_monitoring(day: str) -> Response:
    """Answer with the report on a day."""
    missing = f"monitoring of {day}: no report. Trigger {DAG_ID} with this day as partition key."
    return page(layout.monitoring_report, day, missing)
