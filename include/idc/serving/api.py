"""The FastAPI application: `create_app(settings)` puts the parts together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response

from idc.serving import descriptions, feedback, files, model, operation, predictions, slides
from idc.serving.exchange import Exchange
from idc.serving.problems import INVALID, Problem, of_status
from idc.serving.service import Service
from idc.settings import ApiSettings

VERSION = "1.0.0"
ROUTERS = (predictions.router, slides.router, feedback.router, model.router, operation.router)


def create_app(settings: ApiSettings) -> FastAPI:
    """Return the application; it opens its files at once and calls AWS on requests only."""
    service = Service(settings)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        beside = [asyncio.create_task(one()) for one in (service.keep_looking, service.keep_forgetting)]
        yield
        for task in beside:
            task.cancel()
        service.close()

    app = FastAPI(
        title=descriptions.TITLE, description=descriptions.ABOUT, version=VERSION,
        openapi_tags=descriptions.TAGS, lifespan=lifespan, docs_url=None, redoc_url=None,
    )  # fmt: skip
    app.state.service = service
    app.state.keyring = service.keyring
    app.state.rate_limits = service.rate_limits
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    for router in ROUTERS:
        app.include_router(router)
    files.add_to(app, Path(__file__).with_name("page"))
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=settings.cors_origins, allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "X-API-Key"],
            expose_headers=["Location", "Retry-After", "X-Request-Id", "X-Disclaimer"],
        )  # fmt: skip
    app.add_middleware(Exchange, measures=service.measures)
    return app


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    request.state.problem = error.kind.name
    return error.response(request.state.request_id)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    said = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
    return await _problem(request, Problem(INVALID, f"The request: {said[:1000]}. Correct it."))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = (
        f"{request.method} {request.url.path[:200]}: {error.detail}. See /openapi.json for what there is."
    )
    return await _problem(request, Problem(of_status(error.status_code), detail, error.headers))
