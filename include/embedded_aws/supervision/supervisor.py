"""The processes of one home under supervisord: start, wait until healthy, stop."""

from __future__ import annotations

import fcntl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from embedded_aws.containers import runtimes
from embedded_aws.endpoints import workers
from embedded_aws.errors import AlreadyRunning, NotStarted
from embedded_aws.s3 import seaweedfs
from embedded_aws.settings import ACCUMULATED, Settings, saved
from embedded_aws.store.resources import Store
from embedded_aws.supervision import health, processes, supervisord
from embedded_aws.supervision.ports import Ports
from embedded_aws.supervision.supervisord import Group

SUPERVISORD = "supervisord"
CONTAINER = "container"
START_TIMEOUT_S = 90.0
STOP_GRACE_S = 3.0


def up(settings: Settings, report: Callable[[str], None]) -> None:
    """Start what does not run, wait until everything answers, and make the buckets asked for.

    Raises:
        AlreadyRunning: the home runs with other settings.
        SettingError: the runtimes' file or a port cannot be used.
        PortTaken: somebody else listens on a port.
        NotStarted: supervisord or a part did not answer in time.
    """
    with _exclusive(settings):
        if _supervisor(settings.home) is None:
            runtimes.load(settings)
            _end_strays(settings)
            Ports.of(settings).check_free()
            settings.save()
            _launch(settings)
            report("starting S3, moto, edge and controller")
        else:
            _refuse_other(settings)
            settings.save()
        _wait_healthy(settings)
        for bucket in settings.bucket:
            seaweedfs.ensure_bucket(settings, bucket, START_TIMEOUT_S)


def down(settings: Settings) -> None:
    """Stop every process of the home, jobs and endpoint instances with them."""
    with _exclusive(settings):
        supervisor = _supervisor(settings.home)
        if supervisor is not None:
            supervisor.process.terminate()  # from here on it starts nothing again
        left = processes.belonging_to(settings.home)
        processes.end([own.process for own in left if own.role != CONTAINER], STOP_GRACE_S)
        processes.kill([own.process for own in processes.belonging_to(settings.home)])
        seaweedfs.remove_sockets(settings)


def is_up(settings: Settings) -> bool:
    """Whether the home's supervisor runs."""
    return _supervisor(settings.home) is not None


def _supervisor(home: Path) -> processes.OwnProcess | None:
    return next((own for own in processes.belonging_to(home) if own.role == SUPERVISORD), None)


def _end_strays(settings: Settings) -> None:
    """End what a killed supervisor left; agents on record live on, and the new controller adopts them.

    A fork keeps the environment of its parent, so agents are told from an old controller by the store.
    """
    store = Store(settings.database)
    workers.remove_dead(store)  # their ports may be another program's by now
    on_record = set(store.query("SELECT pid, started FROM agent UNION SELECT pid, started FROM worker"))
    store.close()
    strays = [
        own.process
        for own in processes.belonging_to(settings.home)
        if own.role != CONTAINER and (own.process.pid, processes.start_time(own.process.pid)) not in on_record
    ]
    processes.end(strays, STOP_GRACE_S)


def _refuse_other(settings: Settings) -> None:
    running = saved(settings.home)
    for name, value in running.items():
        asked = getattr(settings, name)
        asked = str(asked) if isinstance(asked, Path) else asked
        if name not in ACCUMULATED and asked != value:
            raise AlreadyRunning(
                f"Embedded AWS {settings.home}: runs with {name} {value}, expected {asked}. "
                f"Stop it with `down` first."
            )


def _launch(settings: Settings) -> None:
    for directory in (settings.run_dir, settings.log_dir, settings.stream_dir, settings.work_dir):
        directory.mkdir(parents=True, exist_ok=True)
    seaweedfs.remove_sockets(settings)
    seaweedfs.write_identities(settings)
    ours = [sys.executable, "-m"]
    commands = {
        "s3": seaweedfs.command(settings),
        "s3_proxy": [*ours, "embedded_aws.s3.s3_proxy", str(settings.home)],
        "moto": [*ours, "embedded_aws.moto.moto_server", str(settings.home)],
        "edge": [*ours, "embedded_aws.edge.edge", str(settings.home)],
        "controller": [*ours, "embedded_aws.controller.controller", str(settings.home)],
    }
    environment = {
        **processes.marked_environment(settings.home, SUPERVISORD),
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        "PYTHONUNBUFFERED": "1",
    }
    roles = {name: {processes.ROLE: name} for name in commands}
    supervisord.start(_group(settings), commands, environment, roles)


def _group(settings: Settings) -> Group:
    """Return our processes: they are started again for ever, because jobs and endpoints depend on them."""
    return Group(settings.home, settings.run_dir, settings.log_dir, start_s=1, retries=1000, stop_s=5)


def _wait_healthy(settings: Settings) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    pause = threading.Event()
    while missing := health.missing(settings):
        if time.monotonic() > deadline:
            raise NotStarted(
                f"Embedded AWS {settings.home}: {', '.join(missing)} did not answer within "
                f"{START_TIMEOUT_S:.0f} s, expected all parts healthy. See the files in {settings.log_dir}."
            )
        pause.wait(0.1)


@contextmanager
def _exclusive(settings: Settings) -> Iterator[None]:
    """One `up` or `down` of a home at a time."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with (settings.home / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
