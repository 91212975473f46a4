"""The web page at `/`: the files of the folder `page`, with a policy that lets in nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, Response

INDEX = "index.html"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}


def add_to(app: FastAPI, folder: Path) -> None:
    """Serve the folder's files, if it holds a page; no other path of the API is shadowed."""
    if not (folder / INDEX).is_file():
        return
    for path in sorted(file for file in folder.rglob("*") if file.is_file()):
        name = path.relative_to(folder).as_posix()
        route = "/" if name == INDEX else f"/{name}"
        app.add_api_route(route, _file(path), methods=["GET", "HEAD"], include_in_schema=False)


def _file(path: Path) -> Callable[[Request], Awaitable[Response]]:
    async def serve(_: Request) -> Response:
        return FileResponse(path, headers=HEADERS)

    return serve
