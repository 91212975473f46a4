"""GET /healthz, /readyz and /metrics: for those who run the API."""

from __future__ import annotations

from typing import Annotated, get_args

from fastapi import APIRouter, Depends
from starlette.responses import Response

from idc.serving import descriptions, measures
from idc.serving.access import allowed
from idc.serving.keyring import Key
from idc.serving.models import Endpoint
from idc.serving.problems import Problem
from idc.serving.schemas import Health, Readiness
from idc.serving.service import Shared
from idc.serving.slide_records import State

router = APIRouter(tags=["operation"])

READY_MAX_AGE_S = 5.0

Admin = Annotated[Key, Depends(allowed("admin"))]


@router.get("/healthz", response_model=Health, summary="Is the server up?")
async def healthz() -> Health:
    """Answer as long as the server itself works, whatever the endpoint does."""
    return Health()


@router.get(
    "/readyz", response_model=Readiness, summary="Would a prediction be answered?",
    responses={503: {"description": "Not now; `detail` says why", "model": Readiness}},
)  # fmt: skip
async def readyz(service: Shared) -> Response:
    """Answer 200 if the endpoint is in service and its model is one from the registry."""
    try:
        endpoint = await service.looking.run(lambda: service.models.endpoint(READY_MAX_AGE_S))
        problem = _problem(endpoint)
    except Problem as error:
        endpoint, problem = Endpoint(), error.detail
    answer = Readiness(
        ready=problem is None,
        endpoint=service.settings.endpoint_name,
        endpoint_status=endpoint.status,
        versions=[version.name for version in endpoint.versions],
        detail=problem,
    )
    return Response(answer.model_dump_json(), 503 if problem else 200, media_type="application/json")


@router.get(
    "/metrics", summary="Measures for Prometheus", response_class=Response,
    responses={
        200: {"description": "Prometheus's text format", "content": {"text/plain": {}}},
        **descriptions.problems(401, 403, 429),
    },
)  # fmt: skip
async def metrics(_: Admin, service: Shared) -> Response:
    """Return counters and histograms; needs a key with the scope `admin`."""
    counts = await service.background.run(service.slide_records.counts)
    for state in get_args(State):
        service.measures.slides.labels(state).set(counts.get(state, 0))
    return Response(service.measures.text(), media_type=measures.CONTENT_TYPE)


def _problem(endpoint: Endpoint) -> str | None:
    if not endpoint.is_serving:
        return f"The endpoint is {endpoint.status}, expected InService. Wait, or deploy with idc_deploy."
    if endpoint.problems:
        return f"{'; '.join(endpoint.problems)}. Deploy a registered model with idc_deploy."
    return None if endpoint.versions else "The endpoint has no model. Deploy one with idc_deploy."
