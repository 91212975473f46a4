"""Parts of the OpenAPI description that are written by hand: bodies that are read by hand, and problems."""

from __future__ import annotations

from typing import Any

from idc.serving.problems import MEDIA_TYPE

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
    406: "Not available in a type you accept",
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
_BINARY = {"type": "string", "format": "binary"}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the responses of a route that can answer with these problems."""
    return {
        status: {
            "description": _MEANINGS[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
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
