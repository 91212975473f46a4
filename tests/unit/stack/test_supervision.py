from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from stack import processes, supervision
from stack.errors import ServiceFailed
from stack.settings import StackSettings

WAIT = [sys.executable, "-c", "import signal; print('100% there', flush=True); signal.pause()"]


@pytest.fixture
def environment(settings: StackSettings) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], **processes.marker(settings.airflow_home)}


@pytest.fixture(autouse=True)
def nothing_left(settings: StackSettings) -> Iterator[None]:
    yield
    supervision.shut_down(settings)
    processes.stop(settings.airflow_home)


def until(condition: Callable[[], object], timeout_s: float = 20) -> None:
    tick = threading.Event()
    for _ in range(int(timeout_s / 0.1)):
        if condition():
            return
        tick.wait(0.1)
    raise AssertionError(f"not so within {timeout_s} s")


def pid_of(settings: StackSettings, name: str) -> int:
    return next((c.pid for c in supervision.components(settings) or [] if c.name == name), 0)


def test_runs_restarts_and_stops(settings: StackSettings, environment: dict[str, str]) -> None:
    assert supervision.components(settings) is None

    supervision.start(settings, {"one": WAIT, "two": WAIT}, environment)
    until(lambda: pid_of(settings, "one"))
    first = pid_of(settings, "one")
    os.kill(first, signal.SIGKILL)
    until(lambda: pid_of(settings, "one") not in (0, first))
    pids = [process.pid for process in processes.find(settings.airflow_home)]
    supervision.shut_down(settings)

    assert len(pids) == 3
    assert not supervision.is_running(settings)
    assert processes.find(settings.airflow_home) == []
    assert not any(psutil.pid_exists(pid) for pid in pids if pid != os.getpid())
    assert "100% there" in supervision.log_path(settings, "two").read_text()


def test_what_a_killed_supervisor_leaves_is_found(
    settings: StackSettings, environment: dict[str, str]
) -> None:
    supervision.start(settings, {"one": WAIT}, environment)
    until(lambda: pid_of(settings, "one"))
    supervisor = int((settings.run / "supervisord.pid").read_text())

    os.kill(supervisor, signal.SIGKILL)
    until(lambda: not supervision.is_running(settings))

    assert len(processes.stop(settings.airflow_home)) == 1
    supervision.start(settings, {"one": WAIT}, environment)
    until(lambda: pid_of(settings, "one"))


def test_a_component_that_cannot_start_is_given_up(
    settings: StackSettings, environment: dict[str, str]
) -> None:
    supervision.start(settings, {"absent": ["/nonexistent/program"]}, environment)

    until(lambda: [c.is_given_up for c in supervision.components(settings) or []] == [True], timeout_s=30)


def test_a_long_home_gets_a_short_socket(
    settings: StackSettings, environment: dict[str, str], tmp_path: Path
) -> None:
    deep = settings.model_copy(update={"home": tmp_path / ("long-" * 20) / ("path-" * 10)})
    try:
        supervision.start(deep, {"one": WAIT}, processes.marker(deep.airflow_home) | environment)
        assert supervision.is_running(deep)
    finally:
        supervision.shut_down(deep)


def test_a_broken_configuration_is_reported(settings: StackSettings, environment: dict[str, str]) -> None:
    with pytest.raises(ServiceFailed, match="supervisord: did not start"):
        supervision.start(settings, {"a:b]\n[": WAIT}, environment)
