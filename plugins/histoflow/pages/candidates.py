"""The files of one candidate for people: its report, its card and its heatmaps."""

from __future__ import annotations

import re

from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import APIRouter, Depends, HTTPException, Response, status

from histoflow.pages.bucket import HTML, file
from idc import layout

DAG_ID = "idc_deploy"  # who may read the DAG that evaluates may read what it wrote
FILES = {
    "report.html": HTML,
    "card.html": HTML,
    "card.json": "application/json",
    "metrics.json": "application/json",
}
PICTURE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\.png")

router = APIRouter(
    prefix="/candidates", dependencies=[Depends(requires_access_dag("GET", param_dag_id=DAG_ID))]
)


@router.get("/{partition}/{variant}/{name}")
def read_file(partition: str, variant: str, name: str) -> Response:
    """Answer with one of a candidate's files, `variant` being `champion` for the champion's."""
    missing = f"{variant} of {partition}: no {name}. Run {DAG_ID} for the partition."
    if name not in FILES:
        raise HTTPException(status.HTTP_404_NOT_FOUND, missing)
    return file(lambda: layout.candidate_prefix(partition, variant) + name, missing, FILES[name])


@router.get("/{partition}/{variant}/heatmaps/{name}")
def read_heatmap(partition: str, variant: str, name: str) -> Response:
    """Answer with the heatmap of one slide."""
    missing = f"{variant} of {partition}: no heatmap {name}."
    if not PICTURE.fullmatch(name) or ".." in name:
        raise HTTPException(status.HTTP_404_NOT_FOUND, missing)
    return file(lambda: f"{layout.candidate_prefix(partition, variant)}heatmaps/{name}", missing, "image/png")
