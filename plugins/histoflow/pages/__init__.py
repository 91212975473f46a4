"""Web pages below /histoflow, served by Airflow's API server to users who are logged in."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import FastAPI

PREFIX = "/histoflow"


def view(name: str, page: str, route: str) -> dict[str, object]:
    """Return a page as an entry of Airflow's navigation, at `/plugin/<route>` of its interface.

    The address has no leading slash: the browser takes it from where Airflow is, which may be below a path.
    """
    below = PREFIX.removeprefix("/")
    return {
        "name": name,
        "href": f"{below}/{page}",
        "icon": f"{below}/static/icon.svg",
        "icon_dark_mode": f"{below}/static/icon-dark.svg",
        "url_route": route,
        "destination": "nav",
        "nav_top_level": True,
    }


class Pages:
    """The pages as an ASGI application, made at the first request: every Airflow process loads plugins."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        await application()(scope, receive, send)


@functools.cache
def application() -> FastAPI:
    """Return the FastAPI application of all pages."""
    from fastapi import FastAPI

    from histoflow.pages import candidates, datasets, history, jobs, models, monitoring, shell, tuning
    from histoflow.pages.answers import explain_errors

    made = FastAPI(title="Histoflow", docs_url=None, redoc_url=None, openapi_url=None)
    for part in (shell, models, jobs, candidates, datasets, tuning, history, monitoring):
        made.include_router(part.router)
    explain_errors(made)
    return made
