"""The REST API's page in a real browser: what is dropped on it, what it answers, and who can use it."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import local_aws
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from served_api import CARD, ServedApi

from stack import node

pytestmark = pytest.mark.slow

EXAMPLES = local_aws.REPOSITORY / "include" / "idc" / "serving" / "page" / "examples"
PATCH = EXAMPLES / "patch-class1.png"
SLIDE = EXAMPLES / "slide.jpg"
DISCLAIMER = "Research software, not a diagnostic device."
# As if a file were dragged onto the page from a file manager.
DROP = """([data, name, type]) => {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type }));
  const event = new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true });
  document.getElementById("drop").dispatchEvent(event);
}"""


@pytest.fixture
def page(browser: Browser, served: ServedApi) -> Iterator[Page]:
    """A new tab on the page; it must ask nobody else and run into nothing that its policy forbids."""
    context = browser.new_context(reduced_motion="reduce", viewport={"width": 1100, "height": 900})
    context.set_default_timeout(30_000)
    opened = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.goto(f"{served.url}/")
    yield opened
    context.close()
    assert [url for url in asked if not url.startswith((served.url, f"blob:{served.url}"))] == []
    assert [text for text in said if "responded with a status of 4" not in text] == []


def enter(page: Page, key: str) -> None:
    page.get_by_label("API key", exact=True).fill(key)
    page.get_by_role("button", name="Use this key").click()


def ready(page: Page, served: ServedApi) -> Page:
    enter(page, served.key)
    expect(page.get_by_label("Drop a patch or a slide here")).to_be_focused()
    return page


def client(served: ServedApi) -> httpx.Client:
    headers = {"Authorization": f"Bearer {served.key}"}
    return httpx.Client(base_url=served.url, headers=headers, trust_env=False, timeout=30)


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong for people who cannot see well, or use no mouse."""
    axe = node.folder(local_aws.ENVIRONMENTS) / "node_modules" / "axe-core" / "axe.min.js"
    if not axe.exists():
        pytest.skip("the environment node is not built: run make test")
    page.evaluate(axe.read_text())
    found: dict[str, Any] = page.evaluate("axe.run()")
    return [f"{one['id']}: {each['html']}" for one in found["violations"] for each in one["nodes"]]


def test_a_dropped_patch_is_answered(page: Page, served: ServedApi) -> None:
    with client(served) as api:
        answer = api.post(
            "/v1/predictions", content=PATCH.read_bytes(), headers={"Content-Type": "image/png"}
        ).json()
    ready(page, served)

    page.evaluate(DROP, [base64.b64encode(PATCH.read_bytes()).decode(), PATCH.name, "image/png"])

    expect(page.get_by_role("heading", name="Invasive ductal carcinoma", exact=True)).to_be_focused()
    assert answer["class"] == 1
    shown = page.get_by_role("region", name="Invasive ductal carcinoma")
    expect(shown).to_contain_text(f"{answer['probability']:.2f}")
    expect(shown).to_contain_text("threshold of 40 %")
    expect(shown).to_contain_text("✓ confident")
    expect(shown).to_contain_text("v1-mxnet, data of 2026-11")
    expect(shown).to_contain_text(DISCLAIMER)
    gauge = page.get_by_role("img", name=f"Calibrated probability of carcinoma {answer['probability']:.2f}")
    fill, track = gauge.locator(".fill").bounding_box(), gauge.locator(".track").bounding_box()
    assert fill is not None
    assert track is not None
    assert fill["width"] / track["width"] == pytest.approx(answer["probability"], abs=0.01)
    expect(page.get_by_text("SYNTHETIC DATA")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="Ready: v1-mxnet")).to_be_visible()


def test_the_true_label_comes_back(page: Page, served: ServedApi) -> None:
    ready(page, served)
    page.get_by_role("button", name="a patch of class 0").click()
    form = page.get_by_role("group", name="What is it really?")

    form.get_by_role("button", name="Carcinoma", exact=True).click()

    expect(form).to_contain_text("The label is kept.")
    request_id = page.locator("#patch-facts code").inner_text()
    s3 = served.aws.client("s3")
    listed = s3.list_objects_v2(Bucket=served.aws.bucket, Prefix="feedback/")["Contents"]
    (key,) = [one["Key"] for one in listed if request_id in one["Key"]]
    assert json.loads(s3.get_object(Bucket=served.aws.bucket, Key=key)["Body"].read())["label"] == 1


def test_a_slide_becomes_a_heatmap_with_regions(page: Page, served: ServedApi) -> None:
    ready(page, served)

    page.get_by_label("Drop a patch or a slide here").set_input_files(SLIDE)

    expect(page.get_by_role("heading", name="Regions at or above the threshold")).to_be_visible()
    with client(served) as api:
        slide = api.get("/v1/slides").json()["slides"][0]
        regions = api.get(slide["links"]["regions"]).json()["features"]
    assert (slide["width"], slide["height"], slide["tiles"]["total"]) == (600, 450, 108)
    expect(page.get_by_role("button", name="Show ")).to_have_count(len(regions))
    assert page.locator("#regions path").count() == len(regions) > 0
    heatmap = page.get_by_role("img", name="Heatmap: the calibrated probability of carcinoma, tile by tile")
    expect(heatmap).to_have_js_property("naturalWidth", 600)
    assert heatmap.bounding_box() == page.get_by_role("img", name="The slide").bounding_box()

    page.get_by_label("Heatmap").fill("20")
    expect(heatmap).to_have_css("opacity", "0.2")

    page.get_by_role("button", name="Show 1", exact=True).click()
    x, y = (page.get_by_role("spinbutton", name=name, exact=True) for name in ("x", "y"))
    assert [int(x.input_value()) % 50, int(y.input_value()) % 50] == [0, 0]
    page.get_by_role("group", name="What is a tile really?").get_by_role(
        "button", name="No carcinoma"
    ).click()
    expect(page.get_by_text("The label is kept.")).to_be_visible()


def test_a_slide_can_be_cancelled(page: Page, served: ServedApi) -> None:
    noise = np.random.default_rng(0).integers(60, 200, (2500, 2500, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG")
    ready(page, served)

    large = {"name": "large.jpg", "mimeType": "image/jpeg", "buffer": buffer.getvalue()}
    page.get_by_label("Drop a patch or a slide here").set_input_files(files=[large])
    expect(page.get_by_text("Scoring tiles")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()

    expect(page.get_by_text("Cancelled. Nothing of it is kept.")).to_be_visible()
    with client(served) as api:
        slide = api.get("/v1/slides").json()["slides"][0]
    assert (slide["width"], slide["state"]) == (2500, "cancelled")


def test_everything_can_be_done_with_the_keyboard(page: Page, served: ServedApi) -> None:
    def press_until(name: str, times: int = 20) -> None:
        """Press Tab until what has this text or label has the focus."""
        for _ in range(times):
            page.keyboard.press("Tab")
            focused = "[document.activeElement.textContent, document.activeElement.id].join(' ')"
            if name in page.evaluate(focused):
                return
        raise AssertionError(f"{name} cannot be reached with Tab")

    press_until("Skip to the image", 1)
    press_until("key")
    page.keyboard.type(served.key)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Drop a patch or a slide here")).to_be_focused()
    press_until("a patch of class 1")
    page.keyboard.press("Enter")
    expect(page.locator("#patch-title")).to_be_focused()
    press_until("No carcinoma")
    page.keyboard.press("Space")
    expect(page.get_by_text("The label is kept.")).to_be_visible()
    press_until("Model card")
    page.keyboard.press("Enter")
    expect(page.get_by_text(CARD["intended_use"])).to_be_visible()


def test_a_wrong_key_is_refused_and_not_kept(page: Page, served: ServedApi) -> None:
    enter(page, "histoflow_000000000000_wrong")

    expect(page.get_by_role("alert").filter(has_text="key")).to_be_visible()
    expect(page.get_by_label("API key", exact=True)).to_be_focused()
    assert page.evaluate("sessionStorage.length") == 0

    ready(page, served)
    page.reload()
    expect(page.get_by_label("Drop a patch or a slide here")).to_be_visible()
    page.get_by_role("button", name="Forget key").click()
    assert page.evaluate("sessionStorage.length") == 0


def test_what_is_no_image_is_said_to_be_none(page: Page, served: ServedApi) -> None:
    ready(page, served)
    choose = page.get_by_label("Drop a patch or a slide here")

    choose.set_input_files(Path(__file__))
    expect(page.get_by_role("alert").filter(has_text="is no PNG or JPEG image")).to_be_visible()

    damaged = {"name": "damaged.png", "mimeType": "image/png", "buffer": PATCH.read_bytes()[:1000]}
    choose.set_input_files(files=[damaged])
    expect(page.get_by_role("alert").filter(has_text="The image: cut short or damaged")).to_be_visible()
    expect(page.locator("#patch")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_mend(page: Page, served: ServedApi, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    assert violations(page) == []

    ready(page, served)
    page.get_by_role("button", name="a patch of class 1").click()
    expect(page.locator("#patch-title")).to_be_focused()
    page.get_by_text("Model card").click()
    expect(page.locator("#card-body dl").first).to_be_visible()
    assert violations(page) == []

    page.get_by_role("button", name="a small slide").click()
    expect(page.get_by_role("heading", name="Regions at or above the threshold")).to_be_visible()
    assert violations(page) == []
