"""Starts, replaces, switches and drains the instances of endpoints; runs in the controller."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from embedded_aws.controller.scheduler import Fork
from embedded_aws.endpoints import lifecycle, rollout, workers
from embedded_aws.endpoints.alarms import Alarms
from embedded_aws.endpoints.host import Host, directory_of
from embedded_aws.endpoints.workers import Worker
from embedded_aws.errors import AlarmsUnknown
from embedded_aws.settings import Settings
from embedded_aws.store.kinds import ENDPOINT
from embedded_aws.store.resources import Document, Row, Store
from embedded_aws.store.wake import wake_controller
from embedded_aws.supervision import processes

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LEAVING = ("draining", "drained")
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
        self._alarms = Alarms(settings)
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
                try:
                    self._advance_one(row, instances)
                except AlarmsUnknown as error:
                    print(f"endpoint {row.name}: {error}", flush=True)  # it is asked for again next time
        known = {row.name for row in endpoints}
        for (name,) in self._store.query("SELECT DISTINCT endpoint FROM worker"):
            if name not in known:
                self._end_all(self._observed(name))

    def _advance_one(self, row: Row, instances: list[Worker]) -> None:
        document = row.document
        fleets = {plan["generation"] for plan in lifecycle.plans(document)}
        leaving = [w for w in instances if w.generation not in fleets or w.state in LEAVING]
        serving = [w for w in instances if w not in leaving]
        if "_target" in document:
            self._judge(row, document["_target"], serving)
            self._replace_failed(row, document["_target"], serving, ("recycle",))
            self._start_missing(row, document["_target"], serving)
        if "_live" in document:
            plan = lifecycle.scaled(document)
            self._replace_failed(row, plan, serving, ("failed", "recycle"))
            self._start_missing(row, plan, serving)
            self._scale(row, plan, serving)
        if row.status != "InService" or time.time() >= document.get("_retire_at", 0):
            self._end_old(leaving)
        if row.status == "RollingBack" and not leaving:
            self._store.update(ENDPOINT, row.name, lifecycle.finish_rollback)

    def _judge(self, row: Row, target: Document, serving: list[Worker]) -> None:
        """Move traffic to the fleet being started once all of it is ready; abandon it when one fails."""
        fleet = [worker for worker in serving if worker.generation == target["generation"]]
        plan = row.document["_rollout"]
        now = time.time()
        why = self._objection(plan, fleet, now)
        if why is not None:
            self._change(row, target, lambda document: lifecycle.abandon(document, why))
        elif sum(worker.state == "ready" for worker in fleet) < sum(v["count"] for v in target["variants"]):
            return
        elif rollout.is_due(plan, now):
            self._change(row, target, lambda document: lifecycle.take_step(document, now))
        elif rollout.is_over(plan, now):
            self._change(row, target, lambda document: lifecycle.switch(document, now))

    def _objection(self, plan: Document, fleet: list[Worker], now: float) -> str | None:
        """What speaks against going on with a rollout, None almost always."""
        failed = next((worker for worker in fleet if worker.state == "failed"), None)
        if failed is not None:
            return failed.reason or lifecycle.failure_of(failed.variant)
        if plan["deadline"] is not None and now > plan["deadline"]:
            return "The deployment took longer than MaximumExecutionTimeoutInSeconds."
        if plan["alarms"] and (raised := self._alarms.raised(plan["alarms"])):
            return f"Deployment rolled back: CloudWatch alarms in ALARM state: {', '.join(raised)}."
        return None

    def _scale(self, row: Row, plan: Document, serving: list[Worker]) -> None:
        """Finish bringing the live fleet to other numbers, or give up; instances too many leave."""
        fleet = [worker for worker in serving if worker.generation == plan["generation"]]
        if "_scale" in row.document:
            if (failed := next((w for w in fleet if w.state == "failed" and not w.port), None)) is not None:
                why = failed.reason or lifecycle.failure_of(failed.variant)
                self._store.update(ENDPOINT, row.name, partial(lifecycle.abandon_scaling, why=why))
                return
            if any(len(_ready(fleet, variant)) < variant["count"] for variant in plan["variants"]):
                return
            self._store.update(ENDPOINT, row.name, lifecycle.finish_scaling)
        for variant in plan["variants"]:
            for worker in _ready(fleet, variant)[variant["count"] :]:
                workers.move(self._store, worker.id, "draining")
                wake_controller(self._settings)

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
                worker
                for worker in instances
                if (worker.generation, worker.variant) == (plan["generation"], variant["name"])
                and worker.state != "recycle"
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

    def _replace_failed(
        self, row: Row, plan: Document, instances: list[Worker], states: tuple[str, ...]
    ) -> None:
        """End instances in the states; new ones follow, later each time they fail again."""
        fleet = [worker for worker in instances if worker.generation == plan["generation"]]
        for worker in fleet:
            if worker.state in states:
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

    def _end_old(self, leaving: list[Worker]) -> None:
        """End instances that serve no more, after their last requests where there are any."""
        now = time.monotonic()
        for worker in leaving:
            if worker.state == "ready":
                workers.move(self._store, worker.id, "draining")
            is_busy = worker.state in ("ready", "draining")
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


def _ready(fleet: list[Worker], variant: Document) -> list[Worker]:
    return [worker for worker in fleet if worker.state == "ready" and worker.variant == variant["name"]]
