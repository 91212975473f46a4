"""Routes invocations: to fleets by their share of traffic, to variants by weight."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass

from embedded_aws.endpoints import lifecycle, rollout, workers
from embedded_aws.endpoints.workers import Worker
from embedded_aws.settings import ACCOUNT, Settings
from embedded_aws.store.kinds import ENDPOINT
from embedded_aws.store.resources import Document, Store
from embedded_aws.store.wake import wake_controller
from embedded_aws.wire.faults import ServiceUnavailable, ValidationError

DRAIN_PERIOD_S = 0.25
WAIT_PERIOD_S = 0.05


@dataclass(frozen=True)
class Fleet:
    """The ready instances of one configuration by variant, the variants' weights, and its plan."""

    weights: dict[str, float]
    ready: dict[str, list[Worker]]
    plan: Document

    def open_variants(self, asked: str | None) -> list[str]:
        """The variants with a ready instance that a request may go to."""
        if asked is not None:
            return [asked] if self.ready.get(asked) else []
        return [name for name, weight in self.weights.items() if weight > 0 and self.ready.get(name)]


@dataclass(frozen=True)
class Route:
    """The live fleet of an endpoint, the new one if there is one, and the new one's share of traffic."""

    live: Fleet
    target: Fleet | None = None
    share: float = 0.0

    def fleet(self) -> Fleet:
        """The fleet whose turn it is."""
        if self.target is not None and self.share > random.random():
            return self.target
        return self.live


class Router:
    """Picks instances, and knows how many requests each has under way."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._routes: dict[str, Route] = {}
        self._version: tuple[int, int] | None = None
        self._turns: Counter[str] = Counter()
        self.in_flight: Counter[str] = Counter()
        self.replaced: set[str] = set()

    async def pick(self, endpoint: str, variant: str | None = None) -> tuple[Worker, Document]:
        """The instance whose turn it is, and its fleet's plan; waits a while when none is ready.

        Raises:
            ValidationError: there is no such endpoint or variant.
            ServiceUnavailable: no instance became ready in time.
        """
        deadline = 0.0
        while True:
            fleet = self.route(endpoint).fleet()
            if variant is not None and variant not in fleet.weights:
                raise ValidationError(f"Could not find variant {variant} for endpoint {endpoint}.")
            variants = fleet.open_variants(variant)
            if variants:
                return self._turn(endpoint, fleet, variants), fleet.plan
            deadline = deadline or time.monotonic() + self._settings.invoke_wait_s
            if time.monotonic() > deadline:
                raise ServiceUnavailable(f"No instance of endpoint {endpoint} is ready. Try again.")
            await asyncio.sleep(WAIT_PERIOD_S)

    def route(self, endpoint: str) -> Route:
        """Where requests for the endpoint may go, read anew whenever the store has changed.

        Raises:
            ValidationError: there is no such endpoint, or it never was in service.
        """
        version = self._store.version()
        if version != self._version:
            self._routes.clear()
            self._version = version
        if endpoint not in self._routes:
            self._routes[endpoint] = self._read(endpoint)
        return self._routes[endpoint]

    def replace(self, worker: Worker, why: str) -> None:
        """Have another instance put in the place of one that is of no use any more, which ends at once."""
        self.replaced.add(worker.id)
        workers.move(self._store, worker.id, "recycle", why)
        wake_controller(self._settings)

    def retire(self, worker: Worker, why: str) -> None:
        """Have another instance put in the place of one, which may finish what else it has under way."""
        workers.move(self._store, worker.id, "draining", why)
        wake_controller(self._settings)

    async def report_drained(self) -> None:
        """Tell the controller, for ever, which draining instances have no request left."""
        seen: tuple[int, int] | None = None
        draining: list[Worker] = []
        while True:
            await asyncio.sleep(DRAIN_PERIOD_S)
            version = self._store.version()
            if version != seen:
                seen, draining = version, workers.in_state(self._store, "draining")
            for worker in draining:
                if not self.in_flight[worker.id]:
                    workers.move(self._store, worker.id, "drained")
                    self.in_flight.pop(worker.id, None)

    def _turn(self, endpoint: str, fleet: Fleet, variants: list[str]) -> Worker:
        """One of the variants by weight, and of its instances the least busy one, in turn."""
        chosen = variants[0]
        if len(variants) > 1:
            chosen = random.choices(variants, [fleet.weights[name] or 1.0 for name in variants])[0]
        ready = fleet.ready[chosen]
        if len(ready) == 1:
            return ready[0]
        turn = f"{endpoint}/{chosen}"
        first = self._turns[turn] = (self._turns[turn] + 1) % len(ready)
        return min(ready[first:] + ready[:first], key=lambda worker: self.in_flight[worker.id])

    def _read(self, endpoint: str) -> Route:
        document = self._store.get(ENDPOINT, endpoint)
        if document is None or "_live" not in document or document[lifecycle.STATUS] == "Deleting":
            raise ValidationError(f"Endpoint {endpoint} of account {ACCOUNT} not found.")
        instances = workers.of_endpoint(self._store, endpoint)
        live = _fleet(document["_live"], instances)
        share = rollout.share(document.get("_rollout"))
        if not share or "_target" not in document:
            return Route(live)
        return Route(live, _fleet(document["_target"], instances), share)


def _fleet(plan: Document, instances: list[Worker]) -> Fleet:
    ready: dict[str, list[Worker]] = {}
    for worker in instances:
        if worker.generation == plan["generation"] and worker.state == "ready":
            ready.setdefault(worker.variant, []).append(worker)
    return Fleet({variant["name"]: variant["weight"] for variant in plan["variants"]}, ready, plan)
