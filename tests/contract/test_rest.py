"""The REST API on the embedded AWS: patches, batches, the model, feedback."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest
from contract import rest
from contract.rest import PINK, VIOLET, WHITE, Api, expected, image, patch

pytestmark = pytest.mark.slow

DISCLAIMER = "Research software, not a diagnostic device."
PNG, JPEG = {"Content-Type": "image/png"}, {"Content-Type": "image/jpeg"}


@pytest.fixture(scope="module")
def api(rest_api: Api) -> Api:
    return rest_api


@pytest.fixture(scope="module")
def client(api: Api) -> Iterator[httpx.Client]:
    with api.client() as opened:
        yield opened


@pytest.mark.parametrize("colour", [PINK, VIOLET])
def test_a_patch_gets_the_calibrated_probability(client: httpx.Client, colour: tuple[int, int, int]) -> None:
    answer = client.post("/v1/predictions", content=image(patch(colour, texture=20)), headers=PNG)

    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["probability"] == pytest.approx(expected(colour), abs=0.01)
    assert body["class"] == int(expected(colour) >= 0.5)
    assert (body["threshold"], body["synthetic"], body["disclaimer"]) == (0.5, True, DISCLAIMER)
    assert (body["confident"], body["reasons"]) == (True, [])
    card = "/v1/model/card?version=v1-mxnet"
    assert body["model"] == {
        "version": "v1-mxnet", "variant": "mxnet", "partition": "2026-11", "card": card
    }  # fmt: skip
    assert answer.headers["x-request-id"] == body["request_id"]
    assert answer.headers["x-disclaimer"] == DISCLAIMER
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in answer.headers


def test_jpeg_forms_and_small_patches_are_taken(client: httpx.Client) -> None:
    violet = patch(VIOLET, texture=20)
    jpeg = client.post("/v1/predictions", content=image(violet, "JPEG"), headers=JPEG).json()
    form = client.post("/v1/predictions", files={"file": ("a.png", image(violet), "image/png")}).json()
    edge = client.post("/v1/predictions", content=image(patch(VIOLET, (50, 20), 20)), headers=PNG).json()

    assert jpeg["probability"] == pytest.approx(form["probability"], abs=0.02)
    assert form["confident"]
    assert [reason["code"] for reason in edge["reasons"]] == ["partial"]


def test_white_and_near_patches_are_flagged(client: httpx.Client) -> None:
    def codes(colour: tuple[int, int, int], texture: int) -> list[str]:
        answer = client.post("/v1/predictions", content=image(patch(colour, texture=texture)), headers=PNG)
        assert answer.json()["confident"] == (not answer.json()["reasons"])
        return [reason["code"] for reason in answer.json()["reasons"]]

    assert codes(WHITE, 0)[:2] == ["little_tissue", "uniform"]
    assert codes((130, 120, 120), 20) == ["near_threshold"]
    assert "colourless" in codes((100, 100, 100), 20)


def test_a_batch_answers_for_each_and_notes_the_bad_ones(client: httpx.Client, api: Api) -> None:
    contents = [image(patch(PINK, texture=20)), b"no image", image(patch(VIOLET, texture=20))]
    files = [("file", (f"{number}.png", content)) for number, content in enumerate(contents)]
    body = client.post("/v1/predictions/batch", files=files).json()

    assert [item["filename"] for item in body["items"]] == ["0.png", "1.png", "2.png"]
    assert [bool(item["prediction"]) for item in body["items"]] == [True, False, True]
    problem = body["items"][1]["problem"]
    assert problem["type"] == "urn:histoflow:problem:unsupported-type"
    assert body["items"][2]["prediction"]["class"] == 1
    [line] = [line for line in map(json.loads, api.log.splitlines()) if line["event"] == "item"]
    assert (line["request_id"], line["batch"]) == (problem["request_id"], body["request_id"])
    assert line["problem"] == "unsupported-type"


def test_what_is_behind_the_api(client: httpx.Client, api: Api) -> None:
    model = client.get("/v1/model").json()
    (version,) = model["models"]
    assert (model["endpoint"], model["status"]) == (api.endpoint, "InService")
    assert (version["version"], version["role"], version["temperature"]) == ("v1-mxnet", "live", 2.0)
    assert version["package"].endswith(f"model-package/{api.endpoint}/1")

    page = client.get("/v1/model/card", headers={"Accept": "text/html,application/json"})
    assert (page.text, page.headers["content-type"].split(";")[0]) == (rest.CARD, "text/html")
    assert "sandbox" in page.headers["content-security-policy"]
    assert client.get("/v1/model/card", params={"version": "v1-mxnet"}).json() == {"version": 1}
    assert client.get("/v1/model/card", params={"version": "v9-mxnet"}).status_code == 404


def test_health_readiness_and_measures(client: httpx.Client, api: Api) -> None:
    with httpx.Client(base_url=api.url, trust_env=False) as nobody:
        assert nobody.get("/healthz").json()["status"] == "ok"
        assert nobody.get("/readyz").json()["versions"] == ["v1-mxnet"]
        assert nobody.get("/metrics").status_code == 401
    assert client.get("/metrics").status_code == 403
    with api.client(api.make_key("operator", "admin")) as operator:
        text = operator.get("/metrics").text
    assert 'histoflow_predictions_total{class="1",confident="true",version="v1-mxnet"}' in text
    assert 'histoflow_requests_total{method="POST",route="/v1/predictions",status="200"}' in text


def test_feedback_is_kept_and_corrected_beside_it(client: httpx.Client, api: Api) -> None:
    given = client.post("/v1/predictions", content=image(patch(VIOLET, texture=20)), headers=PNG).json()
    label = {"request_id": given["request_id"], "label": 0, "comment": "seen by two"}

    first = client.post("/v1/feedback", json=label)
    again = client.post("/v1/feedback", json=label)
    corrected = client.post("/v1/feedback", json={**label, "label": 1})

    assert [answer.status_code for answer in (first, again, corrected)] == [201, 200, 201]
    assert [answer.json()["number"] for answer in (first, again, corrected)] == [1, 1, 2]
    s3 = api.aws.client("s3")
    objects = s3.list_objects_v2(Bucket=api.aws.bucket, Prefix="feedback/")["Contents"]
    keys = [entry["Key"] for entry in objects if given["request_id"] in entry["Key"]]
    assert [key.rpartition("/")[2] for key in keys] == [
        f"{given['request_id']}.2.json", f"{given['request_id']}.json"
    ]  # fmt: skip
    kept = json.loads(s3.get_object(Bucket=api.aws.bucket, Key=keys[1])["Body"].read())
    assert (kept["label"], kept["tenant"], kept["comment"]) == (0, "tests", "seen by two")
    assert kept["answer"]["probability"] == given["probability"]


def test_a_label_whose_note_was_lost_is_found_in_s3(client: httpx.Client, api: Api) -> None:
    """As after a kill between the write to S3 and the note of it."""
    given = client.post("/v1/predictions", content=image(patch(VIOLET, texture=20)), headers=PNG).json()
    label = {"request_id": given["request_id"], "label": 0}
    first = client.post("/v1/feedback", json=label)
    with closing(sqlite3.connect(api.home / "api" / "answers.sqlite3", timeout=10)) as ledger:
        ledger.execute("DELETE FROM label WHERE request_id = ?", (given["request_id"],))
        ledger.commit()

    again = client.post("/v1/feedback", json={**label, "label": 1})
    assert (first.json()["number"], again.status_code, again.json()["number"]) == (1, 201, 2)
    assert client.post("/v1/feedback", json={**label, "label": 1}).status_code == 200


def test_nobody_labels_what_was_answered_to_another(client: httpx.Client, api: Api) -> None:
    given = client.post("/v1/predictions", content=image(patch(PINK)), headers=PNG).json()
    label = {"request_id": given["request_id"], "label": 1}
    with api.client(api.make_key("another", "feedback")) as other:
        assert other.post("/v1/feedback", json=label).status_code == 404
    assert client.post("/v1/feedback", json={**label, "request_id": "0" * 32}).status_code == 404
    assert client.post("/v1/feedback", json={**label, "tile": {"x": 0, "y": 0}}).status_code == 404


def test_answers_and_labels_outlive_the_server(client: httpx.Client, api: Api) -> None:
    given = client.post("/v1/predictions", content=image(patch(PINK)), headers=PNG).json()
    label = {"request_id": given["request_id"], "label": 0}
    api.kill()
    api.up()
    with api.client() as after:
        assert after.post("/v1/feedback", json=label).status_code == 201


def test_the_log_says_what_happened_and_keeps_secrets(client: httpx.Client, api: Api) -> None:
    client.post("/v1/predictions", content=image(patch(PINK)), headers=PNG)
    lines = [json.loads(line) for line in api.log.splitlines()]
    asked = [line for line in lines if line.get("route") == "/v1/predictions" and line["status"] == 200]
    assert {"tenant", "key", "latency_ms", "request_id", "model", "timestamp"} <= asked[-1].keys()
    assert asked[-1]["model"] == "v1-mxnet"
    assert api.key not in api.log
    assert api.key.rpartition("_")[2] not in api.log
    for path in (api.home / "api").iterdir():
        assert path.stat().st_mode & 0o077 == 0, path
