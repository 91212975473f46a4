"""The pages on a candidate in a real browser, over real patches: nothing breaks, nothing is fetched."""

from __future__ import annotations

import io
import itertools
from pathlib import Path

import numpy as np
import pytest
from archives import REAL_DATA
from PIL import Image
from playwright.sync_api import Browser, Page
from sklearn.linear_model import LogisticRegression
from unit.idc.html.conftest import Converted, converted
from unit.idc.html.measured import PARTITION, measured_by, names_of

from idc import layout
from idc.convert.report.reading import read_patches
from idc.evaluate.report import stage
from idc.ingest.snapshot import ingest
from idc.storage import ObjectStore

pytestmark = pytest.mark.slow

PAGES = ("report.html", "card.html")


def colours(dataset: Converted) -> dict[str, np.ndarray]:
    """Mean and spread of the colours of every patch, by its name."""
    found = {}
    for split in layout.SPLITS:
        names = set(names_of(dataset, split).tolist())
        for name, image in read_patches(dataset.store, dataset.index, names, split):
            with Image.open(io.BytesIO(image)) as opened:
                pixels = np.asarray(opened.convert("RGB")).reshape(-1, 3) / 255
            found[name] = np.concatenate([pixels.mean(0), pixels.std(0)])
    return found


@pytest.fixture(scope="module")
def folder(bucket: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages on a small model, a logistic regression on colours, that was trained on real patches."""
    archive = REAL_DATA / "idc-mini.zip"
    if not archive.exists():
        pytest.skip("no archive of real patches (../shared/data/idc-mini.zip) on this machine")
    ingest(str(archive), PARTITION, bucket)
    dataset = converted(bucket, PARTITION)
    seen = colours(dataset)
    train = names_of(dataset, "train")
    label = np.char.find(train, "class1") >= 0
    model = LogisticRegression(class_weight="balanced").fit([seen[name] for name in train], label)
    measured_by(dataset, lambda names: model.predict_proba([seen[name] for name in names])[:, 1])
    stage.evaluation(bucket, partition=PARTITION, variant="mxnet")
    made = tmp_path_factory.mktemp("pages")
    for name in PAGES:
        (made / name).write_bytes(bucket.get(layout.candidate_prefix(PARTITION, "mxnet") + name))
    return made


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_the_page_and_fetches_nothing(
    browser: Browser, folder: Path, name: str, scheme: str
) -> None:
    page = browser.new_page(color_scheme=scheme, viewport={"width": 1100, "height": 900})  # type: ignore[arg-type]
    problems, requests = watched(page)

    page.goto((folder / name).as_uri())

    assert problems == []
    assert [address for address in requests if not address.startswith("data:")] == [page.url]
    assert "not a diagnostic device" in page.inner_text("body")
    assert "SYNTHETIC" not in page.inner_text("body"), "these are real patches"
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(one => +one.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    broken = "[...document.images].filter(one => !one.complete || !one.naturalWidth).length"
    assert page.evaluate(broken) == 0
    lightness = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, lightness[4:-1].split(","))) > 380) == (scheme == "light")
    page.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_narrow_screen_needs_no_scrolling_sideways(browser: Browser, folder: Path, name: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto((folder / name).as_uri())
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.close()


def watched(page: Page) -> tuple[list[str], list[str]]:
    """Return what the page complains of and what it asks for, growing as it does."""
    problems: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    return problems, requests
