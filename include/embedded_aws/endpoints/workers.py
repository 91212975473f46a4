"""Rows of endpoint instances: starting, ready, draining or failed.

starting → ready → draining → (killed, row deleted). The instance's host and the edge set `failed` and
`recycle`; the controller acts on them.
"""

from __future__ import annotations

from dataclasses import dataclass

from embedded_aws.store.resources import Store
from embedded_aws.supervision.processes import is_alive

_COLUMNS = "id, endpoint, generation, variant, state, port, reason, pid, started"


@dataclass(frozen=True)
class Worker:
    """One instance; `port` is 0 until it is ready, `pid` and `started` are its host's."""

    id: str
    endpoint: str
    generation: int
    variant: str
    state: str
    port: int
    reason: str
    pid: int
    started: int


def of_endpoint(store: Store, endpoint: str) -> list[Worker]:
    """All instances of an endpoint."""
    rows = store.query(f"SELECT {_COLUMNS} FROM worker WHERE endpoint = ? ORDER BY id", (endpoint,))
    return [Worker(*row) for row in rows]


def in_state(store: Store, state: str) -> list[Worker]:
    """All instances in a state."""
    rows = store.query(f"SELECT {_COLUMNS} FROM worker WHERE state = ? ORDER BY id", (state,))
    return [Worker(*row) for row in rows]


def add(store: Store, id: str, endpoint: str, generation: int, variant: str) -> None:
    """An instance is about to start."""
    store.execute(
        "INSERT INTO worker (id, endpoint, generation, variant, state) VALUES (?, ?, ?, ?, 'starting')",
        (id, endpoint, generation, variant),
    )


def claim(store: Store, id: str, pid: int, started: int) -> bool:
    """The host's own process takes the row; False if the row is gone or taken."""
    rows = store.execute(
        "UPDATE worker SET pid = ?, started = ? WHERE id = ? AND pid = 0 RETURNING id", (pid, started, id)
    )
    return bool(rows)


def be_ready(store: Store, id: str, port: int) -> None:
    """The instance passed /ping."""
    store.execute(
        "UPDATE worker SET state = 'ready', port = ? WHERE id = ? AND state = 'starting'", (port, id)
    )


def move(store: Store, id: str, state: str, reason: str = "") -> None:
    """The instance is in another state, and why."""
    store.execute("UPDATE worker SET state = ?, reason = ? WHERE id = ?", (state, reason, id))


def remove(store: Store, id: str) -> None:
    """The instance is gone."""
    store.execute("DELETE FROM worker WHERE id = ?", (id,))


def remove_dead(store: Store) -> None:
    """Forget instances whose hosts are gone."""
    for instance, pid, started in store.query("SELECT id, pid, started FROM worker"):
        if not is_alive(pid, started):
            remove(store, instance)
