"""Fixtures for tests of every folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

import local_aws
import psutil
import pytest
from hypothesis import HealthCheck, settings
from local_aws import LocalAws
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from xdist.remote import Producer

QUICK = {"EMBEDDED_AWS_INVOKE_TIMEOUT_S": "8", "EMBEDDED_AWS_PING_PERIOD_S": "0.5"}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# Without these Chromium looks up its maker's hosts at every start.
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip

T = TypeVar("T")
SAMPLE = 3
# What uses one of these fixtures is slow, whatever its file says: they start services or train.
SLOW = {
    "embedded_aws", "fresh_aws", "demo", "house", "workshop", "served", "rest_api", "browser",
    "trained", "training",
}  # fmt: skip
# Files that share a service which takes long to start: they run in one worker, one after the other.
SHARED = {
    "e2e/test_approval.py": "house",
    "e2e/test_monitoring.py": "house",
    "e2e/test_statsd.py": "house",
    "e2e/test_postman.py": "served",
    "e2e/test_rest_page.py": "served",
    "contract/test_rest.py": "rest_api",
    "contract/test_rest_openapi.py": "rest_api",
    "contract/test_rest_slides.py": "rest_api",
}
# Longest first: all workers would wait for one that begins such a file late.
LONGEST = (
    "e2e/test_pipeline.py", "e2e/test_backfill.py", "e2e/", "contract/test_convert_instances.py",
    "faults/test_convert.py", "faults/", "clients/", "contract/",
    "embedded_aws/contract/", "unit/training_scripts/",
)  # fmt: skip

# On top of what hypothesis has chosen itself, which is to draw the same examples each time where CI is set.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("sample", PATIENT, max_examples=25)
settings.register_profile("exhaustive", PATIENT, max_examples=200)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switch from a sample to all cases."""
    parser.addoption(
        "--exhaustive",
        action="store_true",
        help="run those tests alone that otherwise run a sample: all cases of them",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Choose how many examples a property is tried with."""
    settings.load_profile("exhaustive" if config.getoption("--exhaustive") else "sample")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what is slow, leave out what is not asked for, and put the longest files first."""
    for item in items:
        if SLOW & set(_fixtures(item)):
            item.add_marker("slow")
    wanted = _has_more_cases if config.getoption("--exhaustive") else _is_in_the_sample
    config.hook.pytest_deselected(items=[item for item in items if not wanted(item)])
    items[:] = [item for item in items if wanted(item)]
    items.sort(key=lambda item: _rank(_file(item.nodeid)))


def _fixtures(item: pytest.Item) -> list[str]:
    return getattr(item, "fixturenames", [])


def _is_in_the_sample(item: pytest.Item) -> bool:
    return item.get_closest_marker("exhaustive") is None


def _has_more_cases(item: pytest.Item) -> bool:
    is_property = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
    return is_property or "sample" in _fixtures(item) or not _is_in_the_sample(item)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """End what interrupted workers leave running: they are not given the time to do so."""
    if exitstatus == pytest.ExitCode.INTERRUPTED and os.environ.get("PYTEST_XDIST_WORKER") is None:
        folder = str(session.config._tmp_path_factory.getbasetemp())  # type: ignore[attr-defined]
        local_aws.kill(process for process in psutil.process_iter() if _works_in(process, folder))


def _works_in(process: psutil.Process, folder: str) -> bool:
    try:
        return any(folder in value for value in process.environ().values())
    except psutil.Error:
        return False


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Give workers whole files, in the order above."""
    config.option.loadscopereorder = False
    return ByFile(config, log)


class ByFile(LoadScopeScheduling):
    """Runs the tests of a file, and of files that share a service, in one worker."""

    def _split_scope(self, nodeid: str) -> str:
        file = _file(nodeid)
        return SHARED.get(file, file)


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0].removeprefix("tests/")


def _rank(file: str) -> int:
    return next((rank for rank, start in enumerate(LONGEST) if file.startswith(start)), len(LONGEST))


@pytest.fixture(scope="session")
def sample(request: pytest.FixtureRequest) -> Callable[[Sequence[T]], Sequence[T]]:
    """The cases of a sweep to run: some of them, first and last among them; all with --exhaustive."""

    def chosen(cases: Sequence[T]) -> Sequence[T]:
        if request.config.getoption("--exhaustive") or len(cases) <= SAMPLE:
            return cases
        return [cases[round(at * (len(cases) - 1) / (SAMPLE - 1))] for at in range(SAMPLE)]

    return chosen


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


@pytest.fixture(scope="module")
def fresh_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A running embedded AWS for the tests of one module, which may kill it and start it again."""
    directory = tmp_path_factory.mktemp("fresh-aws")
    aws = local_aws.start(
        directory / "home", directory / "runtimes.toml", "--stop-grace-s", "1", "--max-jobs", "1"
    )
    yield aws
    aws.down()
    assert aws.processes() == []
