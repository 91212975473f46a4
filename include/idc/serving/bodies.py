"""Read request bodies with limits on size, total time and pauses.

After a refusal nothing more of a body is kept, and the connection is closed (exchange.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from idc.serving.problems import MALFORMED, SLOW_BODY, TOO_LARGE, UNSUPPORTED_TYPE, Problem

IMAGE_TYPES = ("image/png", "image/jpeg")
MULTIPART = "multipart/form-data"


@dataclass(frozen=True)
class Limit:
    """The most bytes, the most seconds, and the longest pause of a body."""

    size_bytes: int
    timeout_s: float
    idle_s: float


async def stream(request: Request, limit: Limit) -> AsyncIterator[bytes]:
    """Yield the body in chunks.

    Raises:
        Problem: it is too large, by its header or by what came, or too slow.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit.size_bytes:
        raise too_large(f"{int(declared)} bytes", limit)
    deadline = asyncio.get_running_loop().time() + limit.timeout_s
    chunks, count = aiter(request.stream()), 0
    while True:
        left = deadline - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(max(min(left, limit.idle_s), 0)):
                chunk = await anext(chunks, b"")
        except TimeoutError:
            detail = (
                f"The body: {count} bytes came, expected all within {limit.timeout_s:g} s and never a pause "
                f"of {limit.idle_s:g} s. Send it again over a faster connection."
            )
            raise Problem(SLOW_BODY, detail) from None
        except ClientDisconnect as error:
            raise Problem(MALFORMED, "The body: the connection was closed, expected all of it.") from error
        if not chunk:
            return
        count += len(chunk)
        if count > limit.size_bytes:
            raise too_large(f"more than {limit.size_bytes} bytes", limit)
        yield chunk


async def read(request: Request, limit: Limit) -> bytes:
    """Return a whole body.

    Raises:
        Problem: as `stream`.
    """
    return b"".join([chunk async for chunk in stream(request, limit)])


async def uploads(request: Request, limit: Limit, most: int) -> list[UploadFile]:
    """Return the files of a multipart body, the large ones spooled to disk; close them when done.

    Raises:
        Problem: as `stream`, or the body is not multipart, or holds no file or too many.
    """
    refused: list[Problem] = []
    chunks = _told(stream(request, limit), refused)
    try:
        form = await MultiPartParser(request.headers, chunks, max_files=most, max_fields=8).parse()
    except MultiPartException as error:
        if refused:
            raise refused[0] from error
        raise Problem(MALFORMED, f"The multipart body: {error.message}. Correct it.") from error
    except (KeyError, UnicodeDecodeError, ValueError) as error:
        raise Problem(MALFORMED, "The multipart body: not readable. Correct it.") from error
    files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
    if not files:
        raise Problem(MALFORMED, "The multipart body: no file, expected a field `file` with a file name.")
    return files


async def _told(chunks: AsyncIterator[bytes], refused: list[Problem]) -> AsyncGenerator[bytes]:
    """Pass chunks on; record a problem and raise it in the parser, so that it closes its files."""
    try:
        async for chunk in chunks:
            yield chunk
    except Problem as problem:
        refused.append(problem)
        raise MultiPartException(problem.detail) from problem


def media_type(request: Request) -> str:
    """Return the body's type without parameters, in lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def wrong_type(request: Request, *expected: str) -> Problem:
    """Return the problem of a body of another type."""
    observed = media_type(request)[:80] or "none"
    detail = f"The Content-Type: {observed}, expected {' or '.join(expected)}. Say what the body is."
    return Problem(UNSUPPORTED_TYPE, detail)


def too_large(observed: str, limit: Limit) -> Problem:
    """Return the problem of a body that is too large."""
    return Problem(TOO_LARGE, f"The body: {observed}, expected at most {limit.size_bytes} bytes. Send less.")
