"""The site as it is built: no warning, no dead link, nothing from another host, and a search that finds."""

from __future__ import annotations

import functools
import http.server
import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import local_aws
import pytest
from playwright.sync_api import Browser, expect

from stack import node

ROOT = Path(__file__).resolve().parents[3]
PYTHON = Path(local_aws.interpreter("docs"))
# What a browser fetches by itself, by tag: the rest waits for somebody to follow it.
FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "object": "data"}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("docs" not in PYTHON.parts, reason="the environment `docs` is not built: make docs"),
    pytest.mark.skipif(
        not node.folder(local_aws.ENVIRONMENTS, "mermaid").is_dir(),
        reason="the environment `mermaid` is not built: make docs",
    ),
]


class Document(HTMLParser):
    """What a page has to be linked to, links to, and fetches."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.fetches: list[str] = []
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value for name, value in attrs if value is not None}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag in FETCHED and FETCHED[tag] in values:
            self.fetches.append(values[FETCHED[tag]])
        if tag == "link" and values.get("rel") not in ("canonical", "next", "prev"):
            self.fetches.append(values["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [PYTHON, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def documents(site: Path) -> dict[Path, Document]:
    return {path: Document(path) for path in site.rglob("*.html") if path.name != "404.html"}


def test_every_link_within_the_site_leads_somewhere(site: Path, documents: dict[Path, Document]) -> None:
    dead = []
    for path, document in documents.items():
        for link in document.links:
            target, anchor = urldefrag(link)
            if urlsplit(link).scheme:
                continue
            found = (path.parent / unquote(target)).resolve() if target else path
            found = found / "index.html" if found.is_dir() else found
            if not found.is_file() or (
                anchor and found in documents and unquote(anchor) not in documents[found].anchors
            ):
                dead.append(f"{path.relative_to(site)} → {link}")

    assert len(documents) > 30
    assert dead == []


def test_every_page_says_what_it_is_not(documents: dict[Path, Document]) -> None:
    for path in documents:
        assert "Research software, not a diagnostic device" in path.read_text(), path


def test_nothing_is_fetched_from_another_host(documents: dict[Path, Document]) -> None:
    fetched = {address for document in documents.values() for address in document.fetches}

    assert fetched
    assert {address for address in fetched if urlsplit(address).netloc} == set()
    for path, document in documents.items():  # a page without the script would fetch it from another host
        assert any(address.endswith("assets/mermaid.js") for address in document.fetches), path


def test_every_page_of_the_repository_is_on_the_site(site: Path) -> None:
    for path in (ROOT / "docs").rglob("*.md"):
        page = path.relative_to(ROOT / "docs").with_suffix("")
        folder = page.parent if page.name == "index" else page
        assert (site / folder / "index.html").is_file(), page


def test_every_dag_has_a_page_with_its_drawing_form_and_tasks(
    documents: dict[Path, Document], site: Path
) -> None:
    for path in (ROOT / "dags").glob("*.py"):
        page = site / "reference/dags" / path.stem / "index.html"
        assert {"trigger-form", "tasks"} <= documents[page].anchors, path.stem
        assert 'class="mermaid"' in page.read_text(), path.stem


@pytest.mark.skipif(not (ROOT / "include/idc/serving").is_dir(), reason="there is no REST API in this tree")
def test_every_operation_of_the_rest_api_is_on_its_page(site: Path) -> None:
    document = json.loads((site / "reference/openapi.json").read_text())
    page = (site / "reference/rest-api/index.html").read_text()

    assert "/v1/predictions" in document["paths"]
    for path, methods in document["paths"].items():
        assert all(f"{method.upper()} {path}" in page for method in methods), path


def test_the_search_knows_the_settings(site: Path) -> None:
    index = json.loads((site / "search/search_index.json").read_text())

    places = {entry["location"] for entry in index["docs"] if "HISTOFLOW_QUARANTINE_LIMIT" in entry["text"]}
    assert any(place.startswith("reference/settings/") for place in places)


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and prints nothing."""

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


def test_a_browser_asks_nobody_else_and_finds_what_is_searched(address: str, browser: Browser) -> None:
    asked: list[str] = []
    said: list[str] = []
    colours = []
    for scheme in ("dark", "light"):
        page = browser.new_page(color_scheme=scheme)
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.goto(f"{address}reference/dags/", wait_until="networkidle")
        colours.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    page.locator("input.md-search__input").focus()  # starts the search's worker
    page.keyboard.type("quarantine limit")
    found = page.locator("a.md-search-result__link[href*='/settings/']")
    expect(found.first).to_be_attached(timeout=30_000)

    assert {url for url in asked if not url.startswith(address)} == set()
    assert said == []
    assert colours[0] != colours[1] == "rgb(255, 255, 255)"


# The theme draws into a closed shadow tree; an open one lets the test look inside.
OPEN_SHADOWS = """
const attach = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (options) { return attach.call(this, {...options, mode: "open"}); };
"""


def test_every_diagram_is_drawn_by_the_site_itself(
    address: str, browser: Browser, site: Path, documents: dict[Path, Document]
) -> None:
    pages = {
        path.relative_to(site).parent.as_posix(): path.read_text().count('class="mermaid"')
        for path in documents
        if 'class="mermaid"' in path.read_text()
    }
    asked: list[str] = []
    page = browser.new_page()
    page.add_init_script(OPEN_SHADOWS)
    page.on("request", lambda request: asked.append(request.url))
    for path, count in pages.items():
        page.goto(f"{address}{path}/")
        expect(page.locator("div.mermaid svg[aria-roledescription^=flowchart]")).to_have_count(count)
        assert page.locator("div.mermaid svg title").first.text_content(), path

    assert {"architecture", "deployment", "reference/house", "reference/dags/idc_deploy"} <= set(pages)
    assert {url for url in asked if not url.startswith(address)} == set()


def test_a_diagram_is_readable_in_light_and_dark(address: str, browser: Browser) -> None:
    brightness = {}
    for scheme in ("dark", "light"):
        page = browser.new_page(color_scheme=scheme)
        page.add_init_script(OPEN_SHADOWS)
        page.goto(f"{address}architecture/")
        label = page.locator("div.mermaid .nodeLabel", has_text="snapshot").first
        expect(label).to_be_visible()
        behind = page.evaluate("getComputedStyle(document.body).backgroundColor")
        colour = label.evaluate("element => getComputedStyle(element).color")
        brightness[scheme] = [
            sum(map(float, re.findall(r"[\d.]+", text)[:3])) / 3 for text in (colour, behind)
        ]

    assert brightness["dark"][0] - brightness["dark"][1] > 100
    assert brightness["light"][1] - brightness["light"][0] > 100
