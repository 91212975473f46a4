"""Errors as RFC 9457 problem details: one stable `type` for each case a client can react to.

Source: https://www.rfc-editor.org/rfc/rfc9457
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from starlette.responses import Response

from idc.serving.schemas import ProblemDetails

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True)
class Kind:
    """A kind of problem: its name, HTTP status and title."""

    name: str
    status: int
    title: str

    @property
    def uri(self) -> str:
        """The problem's `type`, which never changes."""
        return f"urn:histoflow:problem:{self.name}"


MALFORMED = Kind("malformed", 400, "The request cannot be read")
DAMAGED_IMAGE = Kind("damaged-image", 400, "The image is damaged")
UNAUTHENTICATED = Kind("unauthenticated", 401, "No valid API key")
FORBIDDEN = Kind("forbidden", 403, "The API key lacks a scope")
NOT_FOUND = Kind("not-found", 404, "There is no such thing")
METHOD_NOT_ALLOWED = Kind("method-not-allowed", 405, "The method is not allowed here")
SLOW_BODY = Kind("slow-body", 408, "The request's body came too slowly")
NOT_READY = Kind("not-ready", 409, "The result is not there yet")
GONE = Kind("gone", 410, "The result was deleted")
TOO_LARGE = Kind("too-large", 413, "The request is too large")
UNSUPPORTED_TYPE = Kind("unsupported-type", 415, "The content is of a type not taken here")
INVALID = Kind("invalid", 422, "A value is not valid")
NOT_A_PATCH = Kind("not-a-patch", 422, "The image is no patch")
RATE_LIMITED = Kind("rate-limited", 429, "Too many requests")
TOO_MANY_SLIDES = Kind("too-many-slides", 429, "Too many unfinished slides")
INTERNAL = Kind("internal", 500, "The server failed")
MODEL_ERROR = Kind("model-error", 500, "ModelError")
ENDPOINT_REFUSED = Kind("endpoint-refused", 502, "AWS refused the server's own request")
ENDPOINT_UNAVAILABLE = Kind("endpoint-unavailable", 503, "The model cannot be reached now")
MODEL_UNKNOWN = Kind("model-unknown", 503, "The model behind the endpoint is not registered")
OVERLOADED = Kind("overloaded", 503, "The server has too much to do")
STORAGE_UNAVAILABLE = Kind("storage-unavailable", 503, "The object store cannot be reached now")
MODEL_TIMEOUT = Kind("model-timeout", 504, "The model did not answer in time")


class Problem(Exception):
    """A request that cannot be answered; `detail` says what was observed, what is expected and what to do."""

    def __init__(self, kind: Kind, detail: str, headers: Mapping[str, str] | None = None) -> None:
        """Say what went wrong, in a sentence a client's developer may read."""
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})

    def details(self, request_id: str) -> ProblemDetails:
        """Return the body of the answer."""
        kind = self.kind
        return ProblemDetails(
            type=kind.uri, title=kind.title, status=kind.status, detail=self.detail, request_id=request_id
        )

    def response(self, request_id: str) -> Response:
        """Return the answer."""
        body = self.details(request_id).model_dump_json()
        return Response(body, self.kind.status, headers=self.headers, media_type=MEDIA_TYPE)


def of_status(status: int) -> Kind:
    """Return the kind for a status the framework answers with by itself."""
    known = {400: MALFORMED, 404: NOT_FOUND, 405: METHOD_NOT_ALLOWED}
    return known.get(status) or Kind(f"http-{status}", status, HTTPStatus(status).phrase)
