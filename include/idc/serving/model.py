"""GET /v1/model and /v1/model/card: the served models and their cards."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from idc import layout
from idc.converter.patches import PATCH_PX
from idc.errors import ConfigurationError, HistoflowError, MissingObject
from idc.serving import descriptions
from idc.serving.access import allowed
from idc.serving.aws import RETRY_LATER
from idc.serving.keyring import Key
from idc.serving.models import Version
from idc.serving.problems import NOT_FOUND, STORAGE_UNAVAILABLE, Problem
from idc.serving.schemas import EndpointModel, Limits, Model
from idc.serving.service import Service, Shared
from idc.settings import ApiSettings
from idc.storage import ObjectStore

router = APIRouter(prefix="/v1/model", tags=["model"])

HTML, JSON = "text/html", "application/json"
# A card is a file somebody made: nothing in it may run, or reach out.
CARD_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'none'"

AnyKey = Annotated[Key, Depends(allowed())]


@router.get(
    "", response_model=Model, summary="What is behind the API",
    responses=descriptions.problems(401, 429, 502, 503),
)  # fmt: skip
async def model(_: AnyKey, service: Shared) -> Model:
    """Return the endpoint, the model versions behind it (two during a roll-out) and this server's limits."""
    settings = service.settings
    endpoint = await service.looking.run(lambda: service.models.endpoint(settings.refresh_s))
    return Model(
        endpoint=settings.endpoint_name,
        status=endpoint.status,
        models=[_shown(version) for version in endpoint.versions],
        limits=_limits(settings),
    )


@router.get(
    "/card", summary="The model card", response_class=Response,
    responses={
        200: {
            "description": "The card, as HTML or as JSON, whichever Accept prefers",
            "content": {HTML: {"schema": {"type": "string"}}, JSON: {"schema": {"type": "object"}}},
        },
        **descriptions.problems(401, 404, 422, 429, 502, 503),
    },
)  # fmt: skip
async def card(
    request: Request,
    _: AnyKey,
    service: Shared,
    version: Annotated[
        str | None, Query(max_length=63, description="such as v3-mxnet; by default the live one")
    ] = None,
) -> Response:
    """Return what the model was made of, how well it does and on whom, and what it must not be used for."""
    found = await service.looking.run(lambda: _version(service, version))
    kind = HTML if _prefers_html(request.headers.get("accept", "")) else JSON
    body = await service.background.run(lambda: _card(service, found, kind))
    headers = {"Content-Security-Policy": CARD_POLICY, "Vary": "Accept"}
    return Response(body, media_type=kind, headers=headers)


def _version(service: Service, name: str | None) -> Version:
    endpoint = service.models.endpoint(service.settings.refresh_s)
    if name is not None:
        found = service.models.remembered(name)
    else:
        found = next((each for each in endpoint.versions if each.role == "live"), None)
    if found is None:
        detail = f"The model version {name or ''}: unknown, expected one that answers. See /v1/model."
        raise Problem(NOT_FOUND, detail)
    return found


def _card(service: Service, version: Version, kind: str) -> bytes:
    """Read a card beside the one the registry names: card.html and card.json have one stem."""
    uri = version.served.card_uri
    stem = uri.rpartition(".")[0] if uri.endswith((".json", ".html")) else uri
    try:
        bucket, key = layout.parse_uri(f"{stem}.{'html' if kind == HTML else 'json'}")
        return ObjectStore(service.clients.s3, bucket).get(key)
    except (MissingObject, ConfigurationError) as error:
        detail = f"The card of {version.name}: not there. Ask the operator."
        raise Problem(NOT_FOUND, detail) from error
    except HistoflowError as error:
        detail = f"The card of {version.name}: the object store does not answer. Try again later."
        raise Problem(STORAGE_UNAVAILABLE, detail, RETRY_LATER) from error


def _prefers_html(accept: str) -> bool:
    """Return whether HTML comes before JSON in what is accepted."""
    html, json = accept.find(HTML), accept.find(JSON)
    return html >= 0 and (json < 0 or html < json)


def _shown(version: Version) -> EndpointModel:
    served = version.served
    return EndpointModel(
        **version.shown.model_dump(),
        package=version.package,
        role=version.role,
        threshold=served.threshold,
        temperature=served.temperature,
        bias=served.bias,
        dataset_digest=served.dataset_digest,
        model_sha256=served.model_sha256,
        training_job=served.training_job,
        tuning_job=served.tuning_job,
        code_digest=served.code_digest,
        synthetic=served.synthetic,
        report_uri=served.report_uri,
        metrics_uri=served.metrics_uri,
    )


def _limits(settings: ApiSettings) -> Limits:
    return Limits(
        patch_px=PATCH_PX,
        patch_max_bytes=settings.patch_max_bytes,
        batch_max_items=settings.batch_max_items,
        batch_max_bytes=settings.batch_max_bytes,
        slide_max_bytes=settings.slide_max_bytes,
        slide_max_pixels=settings.slide_max_pixels,
        rate_limit=settings.rate_limit,
    )
