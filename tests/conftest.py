"""Fixtures for tests of every folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import local_aws
import pytest
from hypothesis import HealthCheck, settings
from local_aws import LocalAws

if TYPE_CHECKING:
    from playwright.sync_api import Browser

QUICK = {"EMBEDDED_AWS_INVOKE_TIMEOUT_S": "8", "EMBEDDED_AWS_PING_PERIOD_S": "0.5"}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# Without these Chromium looks up its maker's hosts at every start.
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip

# On top of what hypothesis has chosen itself, which is to draw the same examples each time where CI is set.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real browser; the loop it runs keeps the module's other code from running one of its own."""
    from playwright.sync_api import expect, sync_playwright

    if CHROMIUM is None and not os.environ.get("CI"):
        pytest.skip("Chromium is not installed: run make system-packages")
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield started
        started.close()


@pytest.fixture(scope="session")
def embedded_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A running embedded AWS, one for all tests of the session: use names of your own."""
    directory = tmp_path_factory.mktemp("embedded-aws")
    os.environ.update(QUICK)
    try:
        flags = ["--stop-grace-s", "1", "--max-jobs", "4", "--faults"]
        aws = local_aws.start(directory / "home", directory / "runtimes.toml", *flags)
    finally:
        for name in QUICK:
            del os.environ[name]
    yield aws
    aws.down()
    assert aws.processes() == []


@pytest.fixture
def fresh_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A running embedded AWS for one test alone, which may kill it."""
    directory = tmp_path_factory.mktemp("fresh-aws")
    aws = local_aws.start(
        directory / "home", directory / "runtimes.toml", "--stop-grace-s", "1", "--max-jobs", "1"
    )
    yield aws
    aws.down()
    assert aws.processes() == []
