"""Signature Version 4, seen from the server.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import calendar
import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl, quote

from embedded_aws.credentials import Credentials
from embedded_aws.wire.faults import InvalidSignature, MissingAuthenticationToken, UnrecognizedClient

ALGORITHM = "AWS4-HMAC-SHA256"
LARGEST_SKEW_S = 15 * 60
_HEADER = re.compile(
    rf"{ALGORITHM}\s+Credential=(?P<key>[^/,]+)/(?P<date>\d{{8}})/(?P<region>[^/,]+)/(?P<service>[^/,]+)"
    r"/aws4_request,\s*SignedHeaders=(?P<headers>[^,\s]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
    "Access Key and signing method. Consult the service documentation for details."
)


@dataclass(frozen=True)
class Authorization:
    """What the Authorization header says."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str


@dataclass(frozen=True)
class Request:
    """The parts of an HTTP request that are signed; `path` as it stood on the wire."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


def parse(header: str) -> Authorization | None:
    """The parts of an Authorization header, None if it is not one of Signature Version 4."""
    match = _HEADER.match(header)
    if match is None:
        return None
    return Authorization(
        match["key"],
        match["date"],
        match["region"],
        match["service"],
        tuple(match["headers"].split(";")),
        match["signature"],
    )


def verify(request: Request, authorization: Authorization | None, credentials: Credentials) -> None:
    """Raise unless the request is signed with the credentials, lately.

    Raises:
        MissingAuthenticationToken: it is not signed.
        UnrecognizedClient: the access key is another.
        InvalidSignature: the signature differs, or its date is off.
    """
    if authorization is None:
        raise MissingAuthenticationToken("Missing Authentication Token")
    if authorization.access_key_id != credentials.access_key_id:
        raise UnrecognizedClient("The security token included in the request is invalid.")
    stamp = request.headers.get("x-amz-date", "")
    _check_date(stamp, authorization)
    scope = f"{authorization.date}/{authorization.region}/{authorization.service}/aws4_request"
    digest = hashlib.sha256(_canonical(request, authorization).encode()).hexdigest()
    key = _signing_key(
        credentials.secret_access_key, authorization.date, authorization.region, authorization.service
    )
    expected = _hmac(key, f"{ALGORITHM}\n{stamp}\n{scope}\n{digest}").hex()
    if not hmac.compare_digest(expected, authorization.signature):
        raise InvalidSignature(_MISMATCH)


def _check_date(stamp: str, authorization: Authorization) -> None:
    try:
        signed_at = calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))
    except ValueError as error:
        raise InvalidSignature(f"Date {stamp!r} is not in the form of X-Amz-Date.") from error
    if not stamp.startswith(authorization.date):
        raise InvalidSignature(
            f"Date in Credential scope does not match YYYYMMDD: {authorization.date} != {stamp}"
        )
    if abs(time.time() - signed_at) > LARGEST_SKEW_S:
        raise InvalidSignature(f"Signature expired: {stamp} is more than 15 minutes off the current time.")


def _canonical(request: Request, authorization: Authorization) -> str:
    payload = None
    if "x-amz-content-sha256" in authorization.signed_headers:
        payload = request.headers.get("x-amz-content-sha256")
    body_digest = hashlib.sha256(request.body).hexdigest()
    if payload is not None and payload not in (body_digest, "UNSIGNED-PAYLOAD"):
        raise InvalidSignature(_MISMATCH)
    headers = "".join(
        f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in authorization.signed_headers
    )
    return "\n".join(
        (
            request.method,
            quote(request.path, safe="/~"),
            _canonical_query(request.query),
            headers,
            ";".join(authorization.signed_headers),
            payload or body_digest,
        )
    )


def _canonical_query(query: str) -> str:
    if not query:
        return ""
    pairs = parse_qsl(query, keep_blank_values=True)
    return "&".join(
        sorted(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs)
    )


@lru_cache(maxsize=64)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = ("AWS4" + secret).encode()
    for part in (date, region, service, "aws4_request"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
