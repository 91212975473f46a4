"""The controller: one thread that reconciles running processes with the store.

It starts an agent for each job that is due and a host for each missing endpoint instance, and cleans
up after those that died. Its whole state is in the store and the process table, so a kill at any
moment loses nothing.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from embedded_aws.containers import container
from embedded_aws.controller.scheduler import Scheduler
from embedded_aws.endpoints.fleet import Fleets
from embedded_aws.s3 import seaweedfs
from embedded_aws.settings import Settings, load
from embedded_aws.store.resources import Store
from embedded_aws.supervision import processes
from embedded_aws.tuning.tuner import Tuner

PERIOD_S = 0.5


class Controller:
    """Goes round as long as it lives: on a wake-up, when a child ends, and twice a second."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store = Store(settings.database)
        self._s3 = seaweedfs.client(settings)
        isolation = container.probe_isolation(settings, settings.run_dir)
        self._wake = _open_fifo(settings.wake_fifo)
        self._scheduler = Scheduler(settings, self._store, self._s3, isolation, self._fork)
        self._tuner = Tuner(settings, self._store)
        self._fleets = Fleets(settings, self._store, self._s3, isolation, self._fork)
        print(f"isolation of containers: {isolation}", flush=True)

    def run(self) -> None:
        """Go round until told to stop."""
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(os.open(self._settings.wake_fifo, os.O_WRONLY | os.O_NONBLOCK))
        gc.collect()
        gc.freeze()
        heartbeat = self._settings.run_dir / "heartbeat"
        while True:
            _reap()
            for part in (self._tuner, self._scheduler, self._fleets):
                try:
                    part.advance()
                except Exception:  # noqa: BLE001 - the next round may go well, and must come
                    traceback.print_exc()
            heartbeat.touch()
            if select.select([self._wake], [], [], PERIOD_S)[0]:
                os.read(self._wake, 4096)

    def _fork(self, note: Callable[[int, int], None], run: Callable[[Store], None]) -> None:
        """Run a function in a child with a session and a store connection of its own.

        `note` puts the child's pid and start time on record; only then does the child begin, so that
        nothing ever runs that the next controller would not know of. The connection is closed around
        the fork, which SQLite does not survive.
        """
        self._store.close()
        go, permit = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(permit)
            _become_agent(self._settings, go, run)
        os.close(go)
        self._store.reopen()
        try:
            note(pid, processes.start_time(pid))
            os.write(permit, b"1")
        finally:
            os.close(permit)


def _become_agent(settings: Settings, go: int, run: Callable[[Store], None]) -> None:
    """The child's whole life."""
    code = 1
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        if os.read(go, 1):  # nothing comes if the controller died before it took note of us
            run(Store(settings.database))
        code = 0
    except BaseException:  # noqa: BLE001 - the process ends here, and says why
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _open_fifo(path: Path) -> int:
    """The FIFO's reading end; opened for writing too, so that it never reports an end."""
    if not path.exists():
        os.mkfifo(path)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK)


def _reap() -> None:
    """Collect children that ended; what that means is read from the store."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return


def main() -> None:
    """Run the controller of the home given as the argument."""
    Controller(load(Path(sys.argv[1]))).run()


if __name__ == "__main__":
    main()
