"""Parts of the OpenAPI description that are written by hand: bodies that are read by hand, and problems."""

from __future__ import annotations

from typing import Any

from idc.serving import problems as kinds
from idc.serving.problems import MEDIA_TYPE, Problem

TITLE = "Histoflow REST API"
ABOUT = """
Finds invasive ductal carcinoma in patches of breast tissue, and in whole images, by asking the model behind a
SageMaker endpoint.

**Research software, not a diagnostic device.** No answer may be used to decide about a patient.
"""
TAGS = [
    {"name": "predictions", "description": "Patches of 50×50 pixels: an answer at once."},
    {"name": "slides", "description": "Larger images: a job that is asked about until it is done."},
    {"name": "feedback", "description": "The true label, later."},
    {"name": "model", "description": "The model behind the API, its card and its limits."},
    {"name": "operation", "description": "For those who run the API."},
]

_MEANINGS = {
    400: "The request or the image cannot be read",
    401: "No valid API key",
    403: "The key lacks the scope",
    404: "There is no such thing, or it belongs to another tenant",
    408: "The body came too slowly",
    409: "The result is not there yet",
    410: "The result was deleted",
    413: "The body or the image is too large",
    415: "Neither PNG nor JPEG, or a Content-Type not taken here",
    422: "A value is not valid, or the image is no patch",
    429: "Too many requests; see Retry-After",
    500: "The model or the server failed",
    502: "AWS refused the server's own request",
    503: "The model cannot be reached now; see Retry-After",
    504: "The model did not answer in time",
}
_EXAMPLES = {
    400: Problem(kinds.DAMAGED_IMAGE, "The image: cut short or damaged. Send it again."),
    401: Problem(kinds.UNAUTHENTICATED, "The API key: none, expected in Authorization: Bearer KEY."),
    403: Problem(kinds.FORBIDDEN, "The key 4f0c19a2b3d4: scopes feedback, expected predict. Use another."),
    404: Problem(kinds.NOT_FOUND, "The slide 0f: not one of yours. See /v1/slides."),
    408: Problem(kinds.SLOW_BODY, "The body: 10 bytes came, expected all within 20 s."),
    409: Problem(kinds.NOT_READY, "The slide 0f: running, expected succeeded. See /v1/slides/0f."),
    410: Problem(kinds.GONE, "The slide 0f: deleted. Send the image again."),
    413: Problem(kinds.TOO_LARGE, "The body: 2000000 bytes, expected at most 1048576 bytes. Send less."),
    415: Problem(kinds.UNSUPPORTED_TYPE, "The image: neither PNG nor JPEG by its first bytes. Convert it."),
    422: Problem(kinds.NOT_A_PATCH, "The image: 1024×768 pixels, expected at most 50×50."),
    429: Problem(kinds.RATE_LIMITED, "The key 4f0c19a2b3d4: more than 100 per 1 second. Try again in 1 s."),
    500: Problem(kinds.MODEL_ERROR, "ModelError: the model failed (500). Tell the operator."),
    502: Problem(kinds.ENDPOINT_REFUSED, "The endpoint: AWS answered AccessDeniedException."),
    503: Problem(kinds.ENDPOINT_UNAVAILABLE, "The endpoint: no answer now. Try again later."),
    504: Problem(
        kinds.MODEL_TIMEOUT, "The model: no answer in time. Its worker is being replaced; try again."
    ),
}
_BINARY = {"type": "string", "format": "binary"}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the responses of a route that can answer with these problems."""
    return {
        status: {
            "description": _MEANINGS[status],
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/ProblemDetails"},
                    "example": _EXAMPLES[status].details("0" * 32).model_dump(),
                }
            },
        }
        for status in statuses
    }


def image_body(what: str) -> dict[str, Any]:
    """Describe a body that is an image, or a form with one file."""
    form = {"type": "object", "required": ["file"], "properties": {"file": _BINARY}}
    content = {
        "image/png": {"schema": _BINARY},
        "image/jpeg": {"schema": _BINARY},
        "multipart/form-data": {"schema": form},
    }
    return {"requestBody": {"required": True, "description": what, "content": content}}


def files_body(what: str) -> dict[str, Any]:
    """Describe a form of several files."""
    files = {"type": "array", "items": _BINARY, "minItems": 1}
    form = {"type": "object", "required": ["file"], "properties": {"file": files}}
    content = {"multipart/form-data": {"schema": form}}
    return {"requestBody": {"required": True, "description": what, "content": content}}


def json_body(schema: dict[str, Any]) -> dict[str, Any]:
    """Describe a JSON body of this schema."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
