"""Files that lie in the bucket ready to be looked at."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import HTTPException, Response, status

from histoflow.hooks.aws import client
from idc.errors import ConfigurationError, TransientError
from idc.settings import settings
from idc.storage import ObjectStore

HTML = "text/html; charset=utf-8"
# A page runs nothing and loads nothing, whatever the bucket holds.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'; sandbox"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-cache",
}


def page(key: Callable[[str], str], name: str, missing: str) -> Response:
    """Answer with the page whose key `key` makes of `name`; `missing` says what to do where there is none."""
    return file(lambda: key(name), missing, HTML)


def file(key: Callable[[], str], missing: str, media_type: str) -> Response:
    """Answer with the object under the key that `key` returns, unless what it is made of is no name."""
    try:
        where = key()
    except ConfigurationError as error:
        raise HTTPException(status.HTTP_404_NOT_FOUND, str(error)) from error
    try:
        found = ObjectStore(client("s3"), settings().bucket).find(where)
    except TransientError as error:
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, str(error)) from error
    if found is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, missing)
    return Response(found, media_type=media_type, headers=HEADERS)
