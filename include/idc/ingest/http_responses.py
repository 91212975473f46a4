"""Request sources over HTTP: only safe addresses, retries for busy servers, clear errors."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from idc.aws_errors import is_transient_status
from idc.errors import ConfigurationError, HistoflowError, ServiceError

ATTEMPTS = 6  # in a row without anything new
PAUSE_S = 0.5  # before the second attempt; doubled for each one after it
LONGEST_PAUSE_S = 300.0
_TIMEOUT_S = (10.0, 60.0)  # to connect, between two reads
_LOOPBACK = ("localhost", "127.0.0.1", "::1")

Explain = Callable[[int, str], HistoflowError]
Answer = TypeVar("Answer")

log = logging.getLogger(__name__)


class GuardedAdapter(HTTPAdapter):
    """Adapter with time-outs that allows plain HTTP only to this machine, redirects included."""

    def __init__(self, origin: str) -> None:
        """Guard a session that starts at `origin`: a foreign origin never reaches ports of this machine."""
        super().__init__()
        self._is_at_home = urlsplit(origin).scheme == "http"

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send one request; a redirect is checked here again.

        Raises:
            ConfigurationError: the address is neither HTTPS nor, from a plain address, on this machine.
        """
        url = request.url or ""
        parts = urlsplit(url)
        if parts.scheme != "https" and not (self._is_at_home and parts.hostname in _LOOPBACK):
            action = "Plain HTTP is for addresses on this machine."
            raise ConfigurationError("source", address(url), "not HTTPS", "an https:// address", action)
        kwargs["timeout"] = kwargs.get("timeout") or _TIMEOUT_S
        return super().send(request, *args, **kwargs)


def guard(session: requests.Session, origin: str) -> None:
    """Guard a session that starts at `origin`."""
    for scheme in ("https://", "http://"):
        session.mount(scheme, GuardedAdapter(origin))


def address(url: str) -> str:
    """Return an address without user, password and query, which may be secret; return a path unchanged."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def answered(send: Callable[[], Answer], which: str, explain: Explain) -> Answer:
    """Return the result of `send`; retry a busy server after the time it asks for.

    Raises:
        HistoflowError: what `explain` makes of a status and message that no waiting will change.
        ServiceError: nothing came, or the server stayed busy.
    """
    attempt = 0
    while True:
        attempt += 1
        refusal = None
        try:
            return send()
        except requests.RequestException as error:  # its text may hold a signed address: it is not told
            observed, wait_s = f"no answer ({type(error).__name__})", pause_s(attempt)
            refusal = error.response
        if refusal is not None and refusal.status_code >= 400:
            with refusal:
                status = refusal.status_code
                if not is_transient_status(status):
                    raise explain(status, _message(refusal))
                observed, wait_s = f"answered {status}", _asked_s(refusal) or wait_s
        if attempt == ATTEMPTS or wait_s > LONGEST_PAUSE_S:
            observed = f"{observed}, asks for a retry in {wait_s:.0f} s"
            raise ServiceError("source", which, observed, "an answer", "The task is retried later.")
        log.warning("%s %s; retrying in %.1f s", which, observed, wait_s)
        time.sleep(wait_s)


def pause_s(attempt: int) -> float:
    """Return the time to wait after this many attempts, in seconds, with jitter."""
    return PAUSE_S * float(2 ** (attempt - 1)) * random.uniform(0.5, 1)


def _message(answer: requests.Response) -> str:
    """Return the message in the JSON body of an error response."""
    try:
        return str(answer.json().get("message", ""))[:200]
    except (ValueError, AttributeError, requests.RequestException):
        return ""


def _asked_s(answer: requests.Response) -> float | None:
    """Return the seconds of a `Retry-After`, a number or a date; None if it cannot be parsed."""
    asked = answer.headers.get("Retry-After", "")
    if asked.isdecimal():
        return float(asked)
    try:
        return max(0.0, (parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None
