"""Check API keys, their scopes and the rate limit of each key."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Security
from fastapi.security import APIKeyHeader, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials
from limits import parse_many
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from starlette.requests import Request

from idc.serving.keyring import Key, Keyring, Scope
from idc.serving.problems import FORBIDDEN, RATE_LIMITED, UNAUTHENTICATED, Problem

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="histoflow"'}

_bearer = HTTPBearer(auto_error=False, scheme_name="bearer", description="`Authorization: Bearer KEY`")
_header = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="key", description="`X-API-Key: KEY`")

Guard = Callable[..., Coroutine[Any, Any, Key]]


class RateLimits:
    """Counts the requests of each key.

    In the event loop: the library's other store starts a thread for every few requests.
    """

    def __init__(self, limits: str) -> None:
        """Set the limits of each key, such as `50/second;1500/minute`."""
        self._limits = parse_many(limits)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def take(self, key: Key, cost: int = 1, *, taken: int = 0) -> None:
        """Count one request, or several patches of one request, of which `taken` are counted already.

        A request that is larger than a limit takes all of it.

        Raises:
            Problem: that is more than the key may ask for now.
        """
        for limit in self._limits:
            if not await self._limiter.hit(limit, key.id, cost=min(cost, limit.amount - taken)):
                reset = (await self._limiter.get_window_stats(limit, key.id)).reset_time
                wait_s = max(1, math.ceil(reset - time.time()))
                detail = f"The key {key.id}: more than {limit}. Try again in {wait_s} s."
                raise Problem(RATE_LIMITED, detail, {"Retry-After": str(wait_s)})


def allowed(scope: Scope | None = None) -> Guard:
    """Return a dependency that gives the request's key, if it is valid and has the scope."""

    async def check(
        request: Request,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
        header: Annotated[str | None, Security(_header)],
    ) -> Key:
        text = bearer.credentials if bearer else header
        keyring: Keyring = request.app.state.keyring
        key = keyring.find(text) if text else None
        if key is None:
            observed = "none of those that are valid" if text else "none"
            detail = f"The API key: {observed}, expected in Authorization: Bearer KEY or X-API-Key: KEY."
            raise Problem(UNAUTHENTICATED, detail, CHALLENGE)
        request.state.key = key
        if scope is not None and scope not in key.scopes:
            detail = (
                f"The key {key.id}: scopes {', '.join(sorted(key.scopes))}, expected {scope}. Use another."
            )
            raise Problem(FORBIDDEN, detail)
        limits: RateLimits = request.app.state.rate_limits
        await limits.take(key)
        return key

    return check
