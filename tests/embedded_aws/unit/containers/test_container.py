from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from local_aws import wait_until

from embedded_aws.containers.container import ISOLATIONS, Container, Specification, Workspace, substituted

MODES = ISOLATIONS if os.getuid() == 0 else ISOLATIONS[1:]


Run = Callable[[Path, str, str], Container]


@pytest.fixture
def run() -> Iterator[Run]:
    started: list[Container] = []

    def start(tmp_path: Path, isolation: str, script: str) -> Container:
        started.append(started_in(tmp_path, isolation, ["/bin/sh", "-c", script]))
        return started[-1]

    yield start
    for container in started:
        container.close()


def started_in(tmp_path: Path, isolation: str, argv: list[str]) -> Container:
    ml = tmp_path / "algo-1" / "ml"
    ml.mkdir(parents=True)
    return Container(Specification(argv, {"PATH": "/usr/bin:/bin", "PLACE": "/opt/ml/x"}, ml), isolation)


@pytest.mark.parametrize("isolation", MODES)
def test_sees_its_directory_and_ends_with_its_code(tmp_path: Path, run: Run, isolation: str) -> None:
    container = run(tmp_path, isolation, "echo $PLACE; pwd; echo made > /opt/ml/made; exit 7")
    place, directory = container.output.read().decode().split()
    assert container.wait(60) == 7
    assert (tmp_path / "algo-1/ml/made").read_text() == "made\n"
    base = str(tmp_path / "algo-1/ml") if isolation == "none" else "/opt/ml"
    assert (place, directory) == (f"{base}/x", base)
    assert not Path("/opt/ml/made").exists()


@pytest.mark.parametrize("isolation", MODES)
def test_leaves_no_orphan(tmp_path: Path, run: Run, isolation: str) -> None:
    container = run(tmp_path, isolation, "(setsid sleep 987654 &) ; echo started")
    assert container.output.read() == b"started\n"
    assert container.wait(60) == 0
    wait_until(lambda: not sleepers())


@pytest.mark.parametrize("isolation", MODES)
def test_terminate_reaches_the_program(tmp_path: Path, run: Run, isolation: str) -> None:
    container = run(
        tmp_path, isolation, "trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.1; done"
    )
    assert container.output.readline() == b"ready\n"
    container.terminate()
    assert container.wait(60) == 3
    assert container.output.read() == b"bye\n"


@pytest.mark.parametrize("isolation", MODES)
def test_kill_ends_what_ignores_all(tmp_path: Path, run: Run, isolation: str) -> None:
    script = "trap '' TERM; setsid sleep 987654 & setsid sleep 987654 & echo ready; wait"
    container = run(tmp_path, isolation, script)
    container.output.readline()
    wait_until(lambda: container.usage().processes >= 3)
    container.kill()
    assert container.wait(60) == 137
    wait_until(lambda: not sleepers())


@pytest.mark.parametrize("isolation", MODES)
def test_a_signal_and_a_missing_program(tmp_path: Path, run: Run, isolation: str) -> None:
    assert run(tmp_path / "a", isolation, "kill -SEGV $$").wait(60) == 139
    container = started_in(tmp_path / "b", isolation, ["/no/such/program"])
    assert b"cannot start /no/such/program: No such file" in container.output.read()
    assert container.wait(60) == 126
    container.close()


def test_text_for_machines_without_namespaces(tmp_path: Path) -> None:
    value = {"a": ["/opt/ml/model", 5], "b": {"c": "x:/opt/ml"}}
    assert substituted(value, Path("/w")) == {"a": ["/w/model", 5], "b": {"c": "x:/w"}}


def test_reads_only_plain_files_a_container_left(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, "root")
    workspace.directory("output")
    (tmp_path / "output/failure").write_bytes(b"x" * 100)
    assert workspace.read_text("output/failure", 10) == "x" * 10
    assert workspace.read_text("output/absent", 10) == ""
    (tmp_path / "output/link").symlink_to("/etc/hostname")
    (tmp_path / "output/dir").mkdir()
    os.mkfifo(tmp_path / "output/fifo")
    for name in ("link", "dir", "fifo"):
        assert workspace.read_text(f"output/{name}", 10) == ""


def sleepers() -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.cmdline() == ["sleep", "987654"]:
                found.append(process)
        except psutil.Error:
            continue
    return found
