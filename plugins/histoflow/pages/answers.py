"""Answers in JSON that a browser need not take twice, and errors as sentences it can show."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from fastapi import FastAPI, Request, Response, status
from fastapi.responses import JSONResponse

from idc.errors import ConfigurationError, HistoflowError, MissingObject, RequestRejected, TransientError

HEADERS = {"Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff"}
# What went wrong is AWS's, or between us and AWS: a page says so in the panel concerned and asks again.
_STATUSES = (
    (TransientError, status.HTTP_503_SERVICE_UNAVAILABLE),
    (MissingObject, status.HTTP_404_NOT_FOUND),
    (RequestRejected, status.HTTP_502_BAD_GATEWAY),
    (ConfigurationError, status.HTTP_500_INTERNAL_SERVER_ERROR),
)


def answer(request: Request, value: Any) -> Response:
    """Answer with `value` as JSON, or 304 to a browser that has just this already."""
    body = json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
    return tagged(request, body, "application/json", HEADERS)


def tagged(request: Request, body: bytes, media_type: str, headers: dict[str, str]) -> Response:
    """Answer with `body` and its ETag, or 304 to a browser that has it."""
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    tags = {"ETag": etag, **headers}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers=tags)
    return Response(body, media_type=media_type, headers=tags)


def explain_errors(app: FastAPI) -> None:
    """Have the application answer this product's errors with their sentence and a fitting status."""

    @app.exception_handler(HistoflowError)
    def explain(_request: Request, error: HistoflowError) -> JSONResponse:
        code = next((code for kind, code in _STATUSES if isinstance(error, kind)), 500)
        return JSONResponse({"detail": str(error)}, code, HEADERS)
