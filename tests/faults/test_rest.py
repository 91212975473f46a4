"""What the REST API survives: hostile requests, and models that fail (the faults 5, 31 and 32)."""

from __future__ import annotations

import json
import socket
import struct
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import httpx
import pytest
from aws_endpoints import Endpoints
from contract import rest
from contract.rest import CRASH, HANG, NOT_A_NUMBER, VIOLET, WHITE, Api, image, patch
from local_aws import LocalAws, wait_until

from idc.serving.keyring import Keyring

pytestmark = pytest.mark.slow

PNG = {"Content-Type": "image/png"}
LIMIT = 20_000
GOOD = image(patch(VIOLET, texture=20))


@pytest.fixture(scope="module")
def fleet(embedded_aws: LocalAws) -> rest.Fleet:
    made = rest.Fleet(Endpoints(embedded_aws))
    made.create(made.config(*made.version(), instances=2))
    return made


@pytest.fixture(scope="module")
def api(fleet: rest.Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    home = tmp_path_factory.mktemp("rest")
    limits = {
        "patch_max_bytes": str(LIMIT),
        "body_timeout_s": "5",
        "body_idle_s": "3",
    }
    with rest.api(fleet.endpoints.aws, fleet.name, home, **limits) as running:
        yield running


@pytest.fixture(scope="module")
def client(api: Api) -> Iterator[httpx.Client]:
    with api.client() as opened:
        yield opened


@pytest.fixture(autouse=True)
def no_faults_are_left(fleet: rest.Fleet) -> Iterator[None]:
    yield
    fleet.endpoints.aws.faults("DELETE")


def problem(answer: httpx.Response, status: int, name: str) -> dict[str, object]:
    """The problem details, after a look that they are all there is."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Traceback" not in answer.text
    details = dict(answer.json())
    assert details["type"] == f"urn:histoflow:problem:{name}"
    assert details["request_id"] == answer.headers["x-request-id"]
    assert details["disclaimer"] == answer.headers["x-disclaimer"]
    return details


class Wire:
    """A connection on which a request is sent by hand."""

    def __init__(self, api: Api, *headers: str, path: str = "/v1/predictions") -> None:
        self.socket = socket.create_connection(("127.0.0.1", api.port), 10)
        lines = [
            f"POST {path} HTTP/1.1",
            "Host: localhost",
            f"X-API-Key: {api.key}",
            "Content-Type: image/png",
        ]
        self.send("\r\n".join([*lines, *headers, "", ""]).encode())

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> tuple[int, dict[str, object]]:
        """Status and body, of an answer that says the server closes the connection."""
        with HTTPResponse(self.socket, method="POST") as answer:
            answer.begin()
            assert answer.headers["connection"] == "close"
            return answer.status, json.load(answer)

    def close(self) -> None:
        self.socket.close()


# Fault 31


def test_no_wrong_expired_and_revoked_keys(api: Api) -> None:
    def asked(key: str | None) -> httpx.Response:
        headers = {"X-API-Key": key} if key else {}
        return httpx.post(
            f"{api.url}/v1/predictions", content=GOOD, headers={**PNG, **headers}, trust_env=False
        )

    keyring = Keyring(api.home / "api")
    expired = keyring.create("tests", ["predict"], (datetime.now(UTC) - timedelta(seconds=1)).timestamp())
    revoked = keyring.create("tests", ["predict"])
    assert asked(revoked).status_code == 200
    keyring.revoke(revoked.split("_")[1])
    keyring.close()
    wrong = f"{api.key[:-1]}{'A' if api.key[-1] != 'A' else 'B'}"
    for key in (None, "x", "histoflow__", wrong, expired, revoked):
        answer = asked(key)
        problem(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_key_without_the_scope(api: Api) -> None:
    with api.client(api.make_key("tests", "feedback")) as other:
        problem(other.post("/v1/predictions", content=GOOD, headers=PNG), 403, "forbidden")


def test_another_tenants_ids_do_not_exist(api: Api, client: httpx.Client) -> None:
    given = client.post("/v1/predictions", content=GOOD, headers=PNG).json()["request_id"]
    slide = client.post("/v1/slides", content=GOOD, headers=PNG).json()["id"]
    with api.client(api.make_key("another", "predict,slides,feedback")) as other:
        problem(other.post("/v1/feedback", json={"request_id": given, "label": 1}), 404, "not-found")
        problem(other.get(f"/v1/slides/{slide}"), 404, "not-found")
        problem(other.delete(f"/v1/slides/{slide}"), 404, "not-found")


def test_a_declared_length_over_the_limit_is_refused_before_a_byte_of_it(api: Api) -> None:
    with closing(Wire(api, "Content-Length: 10000000000")) as wire:
        status, details = wire.answer()
        assert (status, details["type"]) == (413, "urn:histoflow:problem:too-large")
        assert wire.socket.recv(1) == b""


def test_a_client_that_sends_all_before_it_reads_is_told(api: Api) -> None:
    with closing(HTTPConnection("127.0.0.1", api.port, timeout=30)) as connection:
        connection.request("POST", "/v1/predictions", bytes(32 << 20), {**PNG, "X-API-Key": api.key})
        answer = connection.getresponse()
        assert (answer.status, json.load(answer)["type"]) == (413, "urn:histoflow:problem:too-large")


def test_a_chunked_body_is_cut_off_at_the_limit(api: Api) -> None:
    with closing(Wire(api, "Transfer-Encoding: chunked")) as wire:
        wire.socket.settimeout(30)
        for _ in range(0, LIMIT + 1, 0x1000):
            wire.send(b"1000\r\n" + bytes(0x1000) + b"\r\n")
        status, details = wire.answer()
    assert (status, details["type"]) == (413, "urn:histoflow:problem:too-large")


def test_a_form_is_cut_off_at_the_limit(client: httpx.Client) -> None:
    answer = client.post("/v1/predictions", files={"file": ("a.png", bytes(LIMIT * 2))})
    problem(answer, 413, "too-large")


def test_a_body_that_stops_and_one_that_trickles(api: Api) -> None:
    with closing(Wire(api, "Content-Length: 1000")) as stopping:
        stopping.send(GOOD[:10])
        assert stopping.answer()[0] == 408

    is_over = threading.Event()

    def trickle(trickling: Wire) -> None:
        for _ in range(100):
            if is_over.wait(0.2):
                return
            trickling.send(b"x")

    with closing(Wire(api, "Content-Length: 1000")) as trickling, ThreadPoolExecutor(1) as pool:
        pool.submit(trickle, trickling)
        status, details = trickling.answer()
        is_over.set()
    assert (status, details["type"]) == (408, "urn:histoflow:problem:slow-body")


@pytest.mark.parametrize("kind", ["image/svg+xml", "application/pdf", "text/plain", "", "image/tiff"])
def test_a_wrong_type(client: httpx.Client, kind: str) -> None:
    answer = client.post("/v1/predictions", content=GOOD, headers={"Content-Type": kind})
    problem(answer, 415, "unsupported-type")


def test_bytes_that_are_no_png_whatever_the_header_says(client: httpx.Client) -> None:
    for body in (b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a" + bytes(50), b""):
        problem(client.post("/v1/predictions", content=body, headers=PNG), 415, "unsupported-type")


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"", b"[" * 16_000])
def test_malformed_json(client: httpx.Client, body: bytes) -> None:
    answer = client.post("/v1/feedback", content=body, headers={"Content-Type": "application/json"})
    problem(answer, 400, "malformed")


@pytest.mark.parametrize("body", ["[]", '{"request_id": "1", "label": 1}', '{"label": 2}', "null"])
def test_json_that_is_not_what_is_asked_for(client: httpx.Client, body: str) -> None:
    answer = client.post("/v1/feedback", content=body, headers={"Content-Type": "application/json"})
    problem(answer, 422, "invalid")


def test_malformed_forms(client: httpx.Client) -> None:
    for kind in ("multipart/form-data", "multipart/form-data; boundary=x"):
        answer = client.post("/v1/predictions", content=b"nonsense", headers={"Content-Type": kind})
        problem(answer, 400, "malformed")
    problem(client.post("/v1/predictions/batch", files={"file": (None, "text")}), 400, "malformed")


def test_a_burst_is_told_to_wait(fleet: rest.Fleet, tmp_path: Path) -> None:
    with rest.in_process(fleet.endpoints.aws, fleet.name, tmp_path, rate_limit="5/hour") as hasty:
        answers = [hasty.get("/v1/model") for _ in range(20)]
    refused = [answer for answer in answers if answer.status_code != 200]
    assert len(refused) >= 10
    for answer in refused:
        problem(answer, 429, "rate-limited")
        assert int(answer.headers["retry-after"]) >= 1


# Fault 5 and its kin


def png(width: int, height: int, body: bytes = b"") -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")


def test_an_image_bomb_is_refused_by_its_header(client: httpx.Client) -> None:
    bomb = png(60_000, 60_000, bytes(1000))
    assert client.post("/v1/predictions", content=bomb, headers=PNG).status_code in (413, 422)
    problem(client.post("/v1/slides", content=bomb, headers=PNG), 413, "too-large")


def test_damaged_and_colourless_images(client: httpx.Client) -> None:
    problem(client.post("/v1/predictions", content=GOOD[:-40], headers=PNG), 400, "damaged-image")
    problem(client.post("/v1/predictions", content=png(50, 50, b"few"), headers=PNG), 400, "damaged-image")
    problem(
        client.post("/v1/predictions", content=image(patch(WHITE, (51, 50))), headers=PNG), 422, "not-a-patch"
    )
    grey = image(patch(VIOLET)[..., 0])
    problem(client.post("/v1/predictions", content=grey, headers=PNG), 422, "not-a-patch")


# Fault 32


@pytest.mark.parametrize("colour", [NOT_A_NUMBER, CRASH])
def test_a_model_that_answers_nonsense(client: httpx.Client, colour: tuple[int, int, int]) -> None:
    details = problem(
        client.post("/v1/predictions", content=image(patch(colour)), headers=PNG), 500, "model-error"
    )
    assert details["title"] == "ModelError"


def test_a_white_patch_is_answered_without_confidence(client: httpx.Client) -> None:
    answer = client.post("/v1/predictions", content=image(patch((255, 255, 255))), headers=PNG).json()
    assert (answer["confident"], answer["reasons"][0]["code"]) == (False, "little_tissue")


def test_a_hanging_model_times_out_and_the_next_request_succeeds(client: httpx.Client) -> None:
    """The embedded AWS gives up after 8 s here, SageMaker after 60, and puts another worker in its place."""
    answer = client.post("/v1/predictions", content=image(patch(HANG)), headers=PNG)
    problem(answer, 504, "model-timeout")
    assert client.post("/v1/predictions", content=GOOD, headers=PNG).status_code == 200


def test_the_server_itself_gives_up_on_a_hanging_model(fleet: rest.Fleet, tmp_path: Path) -> None:
    with rest.in_process(fleet.endpoints.aws, fleet.name, tmp_path, model_timeout_s=1) as client:
        answer = client.post("/v1/predictions", content=image(patch(HANG)), headers=PNG)
        problem(answer, 504, "model-timeout")
        wait_until(lambda: client.post("/v1/predictions", content=GOOD, headers=PNG).status_code == 200)


# AWS itself


def test_throttling_is_waited_out(client: httpx.Client, fleet: rest.Fleet) -> None:
    fleet.endpoints.aws.faults("POST", kind="throttle", target="InvokeEndpoint", count=3)
    assert client.post("/v1/predictions", content=GOOD, headers=PNG).status_code == 200


def test_an_endpoint_that_is_away(client: httpx.Client, fleet: rest.Fleet) -> None:
    fleet.endpoints.aws.faults("POST", kind="error", target="InvokeEndpoint", status=503)
    answer = client.post("/v1/predictions", content=GOOD, headers=PNG)
    problem(answer, 503, "endpoint-unavailable")
    assert int(answer.headers["retry-after"]) >= 1


def test_a_model_from_nowhere_is_not_answered_from(fleet: rest.Fleet, tmp_path: Path) -> None:
    endpoints = fleet.endpoints
    bare = endpoints.in_service(endpoints.model(rest.SCRIPT, "[8, 0]"))
    with rest.in_process(endpoints.aws, bare, tmp_path) as client:
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["ready"]) == (503, False)
        assert "comes from no model package" in ready.json()["detail"]
        problem(client.post("/v1/predictions", content=GOOD, headers=PNG), 503, "model-unknown")
    endpoints.delete(bare)


def test_no_endpoint_at_all(fleet: rest.Fleet, tmp_path: Path) -> None:
    with rest.in_process(fleet.endpoints.aws, "nothing-here", tmp_path) as client:
        assert "there is none" in client.get("/readyz").json()["detail"]
        problem(client.post("/v1/predictions", content=GOOD, headers=PNG), 503, "endpoint-unavailable")
