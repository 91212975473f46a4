"""Web pages below /histoflow, served by Airflow's API server to users who are logged in."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import FastAPI

PREFIX = "/histoflow"


class Pages:
    """The pages as an ASGI application, made at the first request: every Airflow process loads plugins."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        await application()(scope, receive, send)


@functools.cache
def application() -> FastAPI:
    """Return the FastAPI application of all pages."""
    from fastapi import FastAPI

    from histoflow.pages import datasets, history, tuning

    made = FastAPI(title="Histoflow", docs_url=None, redoc_url=None, openapi_url=None)
    made.include_router(datasets.router)
    made.include_router(tuning.router)
    made.include_router(history.router)
    return made
