"""The pages of one candidate, its report and its card, as they lie in the bucket."""

from __future__ import annotations

from typing import Literal

from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import APIRouter, Depends, Response

from histoflow.pages.bucket import page
from idc import layout

DAG_ID = "idc_deploy"  # who may read the DAG that measures may read what it found

router = APIRouter(dependencies=[Depends(requires_access_dag("GET", param_dag_id=DAG_ID))])


@router.get("/candidates/{partition}/{variant}/{name}.html")
def read_page(partition: str, variant: str, name: Literal["report", "card"]) -> Response:
    """Answer with a candidate's report or card."""
    missing = f"candidate {variant} of {partition}: no {name}. Run {DAG_ID} for its partition."
    return page(lambda found: f"{layout.candidate_prefix(partition, found)}{name}.html", variant, missing)
