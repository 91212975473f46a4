"""Verifies Signature Version 4 of requests.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import calendar
import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import parse_qsl, quote

from embedded_aws.wire.credentials import Credentials
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
    _check_date(request.headers.get("x-amz-date", ""), authorization)
    path, payload = quote(request.path, safe="/~"), _payload(request, authorization)
    expected = _signature(request, path, payload, authorization, credentials)
    if not hmac.compare_digest(expected, authorization.signature):
        raise InvalidSignature(_MISMATCH)


def s3_authorization(request: Request, name: str, value: str, credentials: Credentials) -> str | None:
    """The Authorization header of a signed S3 request that one header is added to.

    None for a request that is not rightly signed, and for one whose parts are signed one by one.
    """
    authorization = parse(request.headers.get("authorization", ""))
    payload = request.headers.get("x-amz-content-sha256", "")
    if authorization is None or payload.startswith("STREAMING-AWS4"):
        return None
    expected = _signature(request, request.path, payload, authorization, credentials)
    is_ours = authorization.access_key_id == credentials.access_key_id
    if not is_ours or not hmac.compare_digest(expected, authorization.signature):
        return None
    request = replace(request, headers={**request.headers, name: value})
    names = tuple(sorted({*authorization.signed_headers, name}))
    authorization = replace(authorization, signed_headers=names)
    signature = _signature(request, request.path, payload, authorization, credentials)
    return (
        f"{ALGORITHM} Credential={authorization.access_key_id}/{_scope(authorization)}, "
        f"SignedHeaders={';'.join(names)}, Signature={signature}"
    )


def _check_date(stamp: str, authorization: Authorization) -> None:
    signed_at = _seconds(stamp)
    if not stamp.startswith(authorization.date):
        raise InvalidSignature(
            f"Date in Credential scope does not match YYYYMMDD: {authorization.date} != {stamp}"
        )
    if abs(time.time() - signed_at) > LARGEST_SKEW_S:
        raise InvalidSignature(f"Signature expired: {stamp} is more than 15 minutes off the current time.")


@lru_cache(maxsize=64)
def _seconds(stamp: str) -> int:
    """Seconds since the epoch; the requests of one second share their date."""
    try:
        return calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))
    except ValueError as error:
        raise InvalidSignature(f"Date {stamp!r} is not in the form of X-Amz-Date.") from error


def _payload(request: Request, authorization: Authorization) -> str:
    """The digest of the body, or what the client signed in its place."""
    digest = hashlib.sha256(request.body).hexdigest()
    if "x-amz-content-sha256" not in authorization.signed_headers:
        return digest
    payload = request.headers.get("x-amz-content-sha256", digest)
    if payload not in (digest, "UNSIGNED-PAYLOAD"):
        raise InvalidSignature(_MISMATCH)
    return payload


def _signature(
    request: Request, path: str, payload: str, authorization: Authorization, credentials: Credentials
) -> str:
    """The signature over the request's canonical form."""
    names = authorization.signed_headers
    headers = "".join(f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in names)
    query = _canonical_query(request.query)
    canonical = "\n".join((request.method, path, query, headers, ";".join(names), payload))
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = _signing_key(
        credentials.secret_access_key, authorization.date, authorization.region, authorization.service
    )
    stamp = request.headers.get("x-amz-date", "")
    return _hmac(key, f"{ALGORITHM}\n{stamp}\n{_scope(authorization)}\n{digest}").hex()


def _scope(authorization: Authorization) -> str:
    return f"{authorization.date}/{authorization.region}/{authorization.service}/aws4_request"


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
