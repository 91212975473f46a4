from __future__ import annotations

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Pair

from embedded_aws.wire import signing
from embedded_aws.wire.credentials import Credentials
from embedded_aws.wire.faults import InvalidSignature, MissingAuthenticationToken, UnrecognizedClient

CREDENTIALS = Credentials("AKIAEXAMPLE", "secret")


def signed(path: str = "/", query: str = "", body: bytes = b"{}", secret: str = "secret") -> signing.Request:
    url = f"http://127.0.0.1:4566{path}" + (f"?{query}" if query else "")
    request = AWSRequest(
        "POST", url, headers={"X-Amz-Target": "SageMaker.ListModels", "X-Spaces": " a  b "}, data=body
    )
    SigV4Auth(Pair("AKIAEXAMPLE", secret), "sagemaker", "us-east-1").add_auth(request)
    headers = {name.lower(): value for name, value in request.headers.items()}
    return signing.Request("POST", path, query, {"host": "127.0.0.1:4566", **headers}, body)


def verify(request: signing.Request) -> None:
    signing.verify(request, signing.parse(request.headers.get("authorization", "")), CREDENTIALS)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/", ""),
        ("/endpoints/a-b/invocations", ""),
        ("/a%20b/c", ""),
        ("/", "b=2&a=1&empty=&c=x%20y"),
        ("/", "flag"),
    ],
)
def test_agrees_with_botocore(path: str, query: str) -> None:
    verify(signed(path, query, b"payload"))


def test_refusals() -> None:
    good = signed()
    with pytest.raises(MissingAuthenticationToken):
        verify(signing.Request("POST", "/", "", {}, b""))
    with pytest.raises(InvalidSignature, match="does not match"):
        verify(signing.Request("POST", "/", "", good.headers, b"other body"))
    with pytest.raises(InvalidSignature, match="does not match"):
        verify(signing.Request("POST", "/other", "", good.headers, good.body))
    with pytest.raises(InvalidSignature, match="does not match"):
        verify(signed(secret="wrong"))
    with pytest.raises(UnrecognizedClient):
        signing.verify(good, signing.parse(good.headers["authorization"]), Credentials("AKIAOTHER", "secret"))
    day = good.headers["x-amz-date"][:8]
    old = {name: value.replace(day, "20200101") for name, value in good.headers.items()}
    with pytest.raises(InvalidSignature, match="Signature expired"):
        verify(signing.Request("POST", "/", "", old, good.body))
    with pytest.raises(InvalidSignature, match="not in the form"):
        verify(signing.Request("POST", "/", "", {**good.headers, "x-amz-date": "today"}, good.body))


def test_headers_that_are_none_of_ours() -> None:
    for header in ("", "Basic abc", "AWS4-HMAC-SHA256 Credential=x", "Bearer t"):
        assert signing.parse(header) is None
