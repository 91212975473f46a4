"""Fleets of endpoints: the controller's part that starts, replaces, switches and drains instances."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from embedded_aws import processes
from embedded_aws.hosting import lifecycle, workers
from embedded_aws.hosting.host import Host, directory_of
from embedded_aws.hosting.workers import Worker
from embedded_aws.kinds import ENDPOINT
from embedded_aws.scheduler import Fork
from embedded_aws.settings import Settings
from embedded_aws.store import Document, Row, Store
from embedded_aws.wake import wake_controller

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
END_GRACE_S = 10.0


class Fleets:
    """Makes the instances that run agree with the endpoints that are stored."""

    def __init__(self, settings: Settings, store: Store, s3: S3Client, isolation: str, fork: Fork) -> None:
        self._settings = settings
        self._store = store
        self._s3 = s3
        self._isolation = isolation
        self._fork = fork
        self._pauses: dict[str, tuple[float, float]] = {}
        self._ending: dict[str, float] = {}
        self._draining: dict[str, float] = {}

    def advance(self) -> None:
        """One look at every endpoint that has, or should have, instances."""
        endpoints = self._store.with_status(ENDPOINT, *lifecycle.ACTIVE, "Failed")
        for row in endpoints:
            instances = self._observed(row.name)
            if row.status == "Deleting":
                self._end_all(instances)
                if not instances:
                    self._store.delete(ENDPOINT, row.name)
            elif row.status != "Failed" or instances:
                self._advance_one(row, instances)
        known = {row.name for row in endpoints}
        for (name,) in self._store.query("SELECT DISTINCT endpoint FROM worker"):
            if name not in known:
                self._end_all(self._observed(name))

    def _advance_one(self, row: Row, instances: list[Worker]) -> None:
        target, live = row.document.get("_target"), row.document.get("_live")
        if target is not None:
            self._start_missing(row, target, instances)
            self._judge(row, target, instances)
        if live is not None:
            self._replace_failed(row, live, instances)
            self._start_missing(row, live, [worker for worker in instances if worker.state != "recycle"])
        current = {plan["generation"] for plan in lifecycle.plans(row.document)}
        old = [worker for worker in instances if worker.generation not in current]
        self._end_old(old, is_drained_first=live is not None and row.status == "InService")
        if row.status == "RollingBack" and not old:
            self._store.update(ENDPOINT, row.name, lifecycle.finish_rollback)

    def _judge(self, row: Row, target: Document, instances: list[Worker]) -> None:
        """Switch to the fleet being started once all of it is ready; abandon it when one fails."""
        fleet = [worker for worker in instances if worker.generation == target["generation"]]
        failed = next((worker for worker in fleet if worker.state in ("failed", "recycle")), None)
        if failed is not None:
            why = failed.reason or lifecycle.failure_of(failed.variant)
            self._change(row, target, lambda document: lifecycle.abandon(document, why))
        elif sum(worker.state == "ready" for worker in fleet) == sum(v["count"] for v in target["variants"]):
            with self._store.transaction():
                self._change(row, target, lambda document: lifecycle.switch(document, time.time()))
                workers.drain(self._store, row.name, target["generation"])

    def _change(self, row: Row, target: Document, change: Callable[[Document], None]) -> None:
        """Change the endpoint, if it is still about the same fleet."""

        def guarded(document: Document) -> None:
            is_same = document.get("_target", {}).get("generation") == target["generation"]
            if is_same and document[lifecycle.STATUS] in ("Creating", "Updating"):
                change(document)

        self._store.update(ENDPOINT, row.name, guarded)
        wake_controller(self._settings)

    def _start_missing(self, row: Row, plan: Document, instances: list[Worker]) -> None:
        _, not_before = self._pauses.get(row.name, (0.0, 0.0))
        if time.monotonic() < not_before:
            return
        for variant in plan["variants"]:
            there = [
                w for w in instances if (w.generation, w.variant) == (plan["generation"], variant["name"])
            ]
            for _ in range(variant["count"] - len(there)):
                self._start(row.name, plan["generation"], variant)

    def _start(self, endpoint: str, generation: int, variant: Document) -> None:
        instance = f"i-{secrets.token_hex(8)}"
        workers.add(self._store, instance, endpoint, generation, variant["name"])

        def note(pid: int, started: int) -> None:
            workers.claim(self._store, instance, pid, started)

        def run(store: Store) -> None:
            Host(self._settings, store, self._s3, self._isolation, instance, endpoint, variant).run()

        self._fork(note, run)

    def _replace_failed(self, row: Row, live: Document, instances: list[Worker]) -> None:
        """End failed instances of the live fleet; new ones follow, later each time they fail again."""
        fleet = [worker for worker in instances if worker.generation == live["generation"]]
        for worker in fleet:
            if worker.state in ("failed", "recycle"):
                self._end(worker)
                pause = min(2 * self._pauses.get(row.name, (FIRST_PAUSE_S / 2, 0.0))[0], LONGEST_PAUSE_S)
                if worker.state == "failed":
                    self._pauses[row.name] = (pause, time.monotonic() + pause)
        if fleet and all(worker.state == "ready" for worker in fleet):
            self._pauses.pop(row.name, None)

    def _observed(self, endpoint: str) -> list[Worker]:
        """The instances of an endpoint, after taking note of hosts that are gone."""
        for worker in workers.of_endpoint(self._store, endpoint):
            if processes.is_alive(worker.pid, worker.started):
                continue
            if (
                worker.pid == 0
                or worker.id in self._ending
                or worker.state in ("draining", "drained", "recycle")
            ):
                self._forget(worker)
            elif worker.state in ("starting", "ready"):
                workers.move(self._store, worker.id, "failed", f"Instance {worker.id} ended unexpectedly.")
        return workers.of_endpoint(self._store, endpoint)

    def _end_old(self, old: list[Worker], is_drained_first: bool) -> None:
        """End instances of fleets that are no more, after their last requests where there are any."""
        now = time.monotonic()
        for worker in old:
            is_busy = is_drained_first and worker.state == "draining"
            if not is_busy or now - self._draining.setdefault(worker.id, now) > self._settings.drain_s:
                self._end(worker)

    def _end_all(self, instances: list[Worker]) -> None:
        for worker in instances:
            self._end(worker)

    def _end(self, worker: Worker) -> None:
        """Ask the instance's host to end it; kill both when that takes too long."""
        now = time.monotonic()
        if not processes.is_alive(worker.pid, worker.started):
            self._forget(worker)
        elif worker.id not in self._ending:
            self._ending[worker.id] = now
            processes.terminate(worker.pid, worker.started)
        elif now - self._ending[worker.id] > END_GRACE_S:
            processes.kill_tree(worker.pid, worker.started)

    def _forget(self, worker: Worker) -> None:
        """The instance is gone: so are its row, its directory and what we kept of it."""
        workers.remove(self._store, worker.id)
        shutil.rmtree(directory_of(self._settings, worker.endpoint, worker.id), ignore_errors=True)
        self._ending.pop(worker.id, None)
        self._draining.pop(worker.id, None)
