from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from embedded_aws.errors import NotStarted
from embedded_aws.supervision import supervisord
from embedded_aws.supervision.supervisord import Group
from stack import processes, running

WAIT = [sys.executable, "-c", "import signal; print('100% there', flush=True); signal.pause()"]


@pytest.fixture
def group(tmp_path: Path) -> Group:
    return Group(home=tmp_path / "home", run=tmp_path / "run", logs=tmp_path / "logs")


@pytest.fixture
def environment(group: Group) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], **processes.marker(group.home)}


@pytest.fixture(autouse=True)
def nothing_left(group: Group) -> Iterator[None]:
    yield
    supervisord.shut_down(group)
    processes.stop(group.home)


def until(condition: Callable[[], object], timeout_s: float = 60) -> None:
    tick = threading.Event()
    for _ in range(int(timeout_s / 0.1)):
        if condition():
            return
        tick.wait(0.1)
    raise AssertionError(f"not so within {timeout_s} s")


def pid_of(group: Group, name: str) -> int:
    return next((c.pid for c in supervisord.components(group) or [] if c.name == name), 0)


def test_runs_restarts_and_stops(group: Group, environment: dict[str, str]) -> None:
    assert supervisord.components(group) is None

    supervisord.start(group, {"one": WAIT, "two": WAIT}, environment)
    until(lambda: pid_of(group, "one"))
    first = pid_of(group, "one")
    os.kill(first, signal.SIGKILL)
    until(lambda: pid_of(group, "one") not in (0, first))
    until(lambda: "there" in supervisord.log_path(group, "two").read_text())
    pids = [process.pid for process in processes.find(group.home)]
    supervisord.shut_down(group)

    assert len(pids) == 3
    assert not supervisord.is_running(group)
    assert processes.find(group.home) == []
    assert not any(psutil.pid_exists(pid) for pid in pids if pid != os.getpid())
    assert "100% there" in supervisord.log_path(group, "two").read_text()


def test_what_a_killed_supervisor_leaves_is_found(group: Group, environment: dict[str, str]) -> None:
    supervisord.start(group, {"one": WAIT}, environment)
    until(lambda: pid_of(group, "one"))
    until(lambda: "there" in supervisord.log_path(group, "one").read_text())  # it would die of printing later
    supervisor = int((group.run / "supervisord.pid").read_text())

    os.kill(supervisor, signal.SIGKILL)
    until(lambda: not supervisord.is_running(group))

    assert len(processes.stop(group.home)) == 1
    supervisord.start(group, {"one": WAIT}, environment)
    until(lambda: pid_of(group, "one"))


def test_a_component_that_cannot_start_is_given_up(group: Group, environment: dict[str, str]) -> None:
    supervisord.start(group, {"absent": ["/nonexistent/program"]}, environment)

    until(lambda: [c.is_given_up for c in supervisord.components(group) or []] == [True], timeout_s=30)


def test_what_was_given_up_is_started_again_once_it_can_be(
    group: Group, environment: dict[str, str], tmp_path: Path
) -> None:
    mended = tmp_path / "mended"
    commands = {"one": ["sh", "-c", f"test -e {mended} && exec sleep 600"]}
    running.keep("one", group, commands, environment, lambda: None)
    until(lambda: [c.is_given_up for c in supervisord.components(group) or []] == [True], timeout_s=30)

    mended.touch()
    running.keep("one", group, commands, environment, lambda: None)

    until(lambda: pid_of(group, "one"))


def test_a_long_home_gets_a_short_socket(group: Group, environment: dict[str, str], tmp_path: Path) -> None:
    deep = Group(home=group.home, run=tmp_path / ("long-" * 20) / ("path-" * 10), logs=group.logs)
    try:
        supervisord.start(deep, {"one": WAIT}, environment)
        assert supervisord.is_running(deep)
    finally:
        supervisord.shut_down(deep)


def test_a_broken_configuration_is_reported(group: Group, environment: dict[str, str]) -> None:
    with pytest.raises(NotStarted, match="supervisord: did not start"):
        supervisord.start(group, {"a:b]\n[": WAIT}, environment)
