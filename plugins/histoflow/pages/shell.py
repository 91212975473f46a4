"""The page itself: one HTML file that finds by its address what to show, and the files it is made of."""

from __future__ import annotations

import functools
from pathlib import Path

from airflow.api_fastapi.core_api.security import get_user
from fastapi import APIRouter, Depends, HTTPException, Request, Response, status

from histoflow.pages.answers import tagged
from idc.history import series

STATIC = Path(__file__).with_name("static")
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".html": "text/html"}
DARK = ":root[data-theme=dark] { {} }"
# Only this package's own files run, nothing is loaded from elsewhere, and no other site may frame the page.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}

# Anybody logged in may have the empty page; what it shows is asked for where the DAGs' rights are checked.
router = APIRouter(dependencies=[Depends(get_user)])


@router.get("/models")
def read_models(request: Request) -> Response:
    """Answer with the page of all models."""
    return _page(request, "")


@router.get("/jobs/{kind}/{name}")
def read_job(request: Request, kind: str, name: str) -> Response:  # noqa: ARG001  (the page reads its address)
    """Answer with the page of one job."""
    return _page(request, "../../")


@router.get("/static/{name}")
def read_static(request: Request, name: str) -> Response:
    """Answer with a file of the page."""
    content = files().get(name)
    if content is None or name.endswith(".html"):
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"file {name}: there is none of this name.")
    return tagged(request, content, f"{TYPES[Path(name).suffix]}; charset=utf-8", HEADERS)


@functools.cache
def files() -> dict[str, bytes]:
    """Return the files of the page by name; `series.css` has the colours that the variants declare."""
    found = {path.name: path.read_bytes() for path in STATIC.iterdir() if path.suffix in TYPES}
    return {**found, "series.css": series.css(DARK).encode()}


def _page(request: Request, root: str) -> Response:
    """Answer with the page; `root` leads from its address to where all pages lie, wherever Airflow is."""
    body = files()["page.html"].replace(b"{root}", root.encode())
    return tagged(request, body, "text/html; charset=utf-8", HEADERS)
