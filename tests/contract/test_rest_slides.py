"""Slides on the REST API: tiles, background, regions, heatmap, cancel, and a server killed on the way."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import pytest
from contract.rest import NOT_A_NUMBER, PINK, VIOLET, WHITE, Api, expected, image, patch
from local_aws import wait_until
from PIL import Image

from idc.settings import ApiSettings

pytestmark = pytest.mark.slow

PNG, JPEG = {"Content-Type": "image/png"}, {"Content-Type": "image/jpeg"}


@pytest.fixture(scope="module")
def client(rest_api: Api) -> Iterator[httpx.Client]:
    with rest_api.client() as opened:
        yield opened


def slide(rows: list[str], cut: tuple[int, int] = (0, 0)) -> np.ndarray:
    """A slide, a letter a tile, of which `cut` pixels are missing at the right and below."""
    colours = {"p": PINK, "v": VIOLET, ".": WHITE}
    pixels = np.vstack([np.hstack([patch(colours[tile], texture=10) for tile in row]) for row in rows])
    return pixels[: pixels.shape[0] - cut[1], : pixels.shape[1] - cut[0]]


def sent(client: httpx.Client, pixels: np.ndarray) -> str:
    answer = client.post("/v1/slides", content=image(pixels), headers=PNG)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == answer.json()["links"]["self"]
    return str(answer.headers["location"])


def counted(client: httpx.Client, state: str) -> float:
    """How many slides are in the state, as Prometheus reads it."""
    text = client.get("/metrics").text
    (value,) = re.findall(rf'^histoflow_slides{{state="{state}"}} (\S+)$', text, re.MULTILINE)
    return float(value)


def ended(client: httpx.Client, path: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        job = client.get(path).json()
        return job if job["state"] not in ("queued", "running") else None

    return wait_until(look)


def test_regions_and_heatmap_of_a_constructed_slide(client: httpx.Client) -> None:
    rows = ["..pppp", ".vvppv", ".vvppv", ".pppp."]
    path = sent(client, slide(rows, cut=(10, 20)))
    job = ended(client, path)

    assert (job["state"], job["progress"], job["width"], job["height"]) == ("succeeded", 1.0, 290, 180)
    assert job["tiles"] == {"total": 24, "scored": 18, "background": 6, "positive": 6}
    assert job["max_probability"] == pytest.approx(expected(VIOLET), abs=0.01)
    assert [(model["version"], model["tiles"]) for model in job["models"]] == [("v1-mxnet", 18)]

    regions = client.get(job["links"]["regions"])
    assert regions.headers["content-type"] == "application/geo+json"
    large, small = regions.json()["features"]
    assert large["properties"]["area_px"] == 100 * 100
    assert large["properties"]["tiles"] == 4
    assert small["properties"]["area_px"] == 40 * 100
    paler = (0, 0, 40)  # what is cut off is white, so that four fifths are left of how violet it is
    assert small["properties"]["max_probability"] == pytest.approx(expected(paler), abs=0.01)
    corners = {tuple(corner) for corner in large["geometry"]["coordinates"][0]}
    assert corners == {(50.0, 50.0), (150.0, 50.0), (150.0, 150.0), (50.0, 150.0)}

    with Image.open(io.BytesIO(client.get(job["links"]["heatmap"]).content)) as drawn:
        assert (drawn.size, drawn.mode) == ((290, 180), "RGBA")
        alpha = np.asarray(drawn)[..., 3]
    assert alpha[25, 25] == 0
    assert alpha[75, 75] > alpha[25, 225] > 0


def test_tiles_can_be_labelled(client: httpx.Client) -> None:
    path = sent(client, slide(["vp."]))
    ended(client, path)
    label = {"request_id": path.rpartition("/")[2], "label": 1}

    assert client.post("/v1/feedback", json={**label, "tile": {"x": 50, "y": 0}}).status_code == 201
    for x in (100, 25, 5000):  # background, between tiles, outside
        assert client.post("/v1/feedback", json={**label, "tile": {"x": x, "y": 0}}).status_code == 404
    assert client.post("/v1/feedback", json=label).status_code == 404


def test_a_slide_goes_on_after_a_kill_and_a_cancelled_one_does_not(rest_api: Api) -> None:
    admin = rest_api.make_key("operator", "admin")
    with rest_api.client() as client, rest_api.client(admin) as operator:
        rest_api.aws.faults("POST", kind="latency", target="InvokeEndpoint", seconds=0.2)  # neither ends soon
        kept = sent(client, slide(["pv" * 20] * 12))
        wait_until(lambda: client.get(kept).json()["progress"] > 0)
        begun = client.get(kept).json()["tiles"]["scored"]
        cancelled = sent(client, slide(["pv" * 20] * 12))
        assert client.get(cancelled + "/heatmap.png").status_code == 409
        assert counted(operator, "queued") + counted(operator, "running") == 2
        rest_api.kill()
    rest_api.up()
    with rest_api.client() as client, rest_api.client(admin) as operator:
        assert client.get(kept).json()["tiles"]["scored"] >= begun
        stopped = client.delete(cancelled).json()
        assert (stopped["state"], stopped["tiles"]["scored"]) == ("cancelled", 0)
        rest_api.aws.faults("DELETE")
        job = ended(client, kept)
        assert (job["state"], job["tiles"]["scored"], job["tiles"]["positive"]) == ("succeeded", 480, 240)
        assert client.get(cancelled).json()["state"] == "cancelled"
        assert client.get(cancelled + "/regions.geojson").status_code == 410
        for path in (kept, cancelled):
            assert client.delete(path).json()["state"] == "deleted"
        assert client.get(kept + "/heatmap.png").status_code == 410
        states = {one["links"]["self"]: one["state"] for one in client.get("/v1/slides").json()["slides"]}
        assert (states[kept], states[cancelled]) == ("deleted", "deleted")
        assert counted(operator, "queued") + counted(operator, "running") == 0
    assert list((rest_api.home / "api" / "slides").iterdir()) == []


def test_a_model_that_fails_fails_the_slide_with_the_reason(client: httpx.Client) -> None:
    job = ended(client, sent(client, patch(NOT_A_NUMBER, (60, 60))))
    assert job["state"] == "failed"
    assert job["problem"]["type"] == "urn:histoflow:problem:model-error"


def test_others_see_nothing_of_it(client: httpx.Client, rest_api: Api) -> None:
    path = sent(client, slide(["v"]))
    with rest_api.client(rest_api.make_key("another", "slides")) as other:
        for ending in ("", "/heatmap.png", "/regions.geojson"):
            assert other.get(path + ending).status_code == 404
        assert other.delete(path).status_code == 404
        assert other.get("/v1/slides").json()["slides"] == []
    assert ended(client, path)["state"] == "succeeded"


def test_what_is_no_slide_is_refused(client: httpx.Client) -> None:
    damaged = image(slide(["vp"] * 10))[:-200]
    assert ended(client, client.post("/v1/slides", content=damaged, headers=PNG).json()["links"]["self"])[
        "problem"
    ]["type"].endswith(":damaged-image")
    huge = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (60_000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0" + b"\0" * 99
    assert client.post("/v1/slides", content=huge, headers=PNG).status_code in (400, 413)
    assert client.post("/v1/slides", content=b"<svg/>", headers=PNG).status_code == 415
    assert client.post("/v1/slides", content=b"", headers={"Content-Type": "image/tiff"}).status_code == 415


def test_a_slide_counts_from_its_first_byte(rest_api: Api) -> None:
    let_go, content = threading.Event(), image(slide(["v"]))
    most = ApiSettings.model_fields["slides_per_tenant"].default

    def slowly() -> Iterator[bytes]:
        yield content[:100]
        sent = 100
        while not let_go.wait(1):  # a body that pauses longer is refused
            yield content[sent : sent + 1]
            sent += 1
        yield content[sent:]

    with rest_api.client(rest_api.make_key("hasty", "slides")) as client, ThreadPoolExecutor(most) as pool:
        uploads = [pool.submit(client.post, "/v1/slides", content=slowly(), headers=PNG) for _ in range(most)]
        try:
            # By their files: a post that asks would itself count, and one of these be refused instead.
            wait_until(lambda: len(list((rest_api.home / "api" / "slides").glob("*.part"))) == most)
            refused = client.post("/v1/slides", content=image(slide(["v"])), headers=PNG)
        finally:
            let_go.set()
        assert (refused.status_code, refused.json()["type"].split(":")[-1]) == (429, "too-many-slides")
        assert {upload.result().status_code for upload in uploads} == {202}
