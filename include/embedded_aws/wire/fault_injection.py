"""Fault injection: faults that a test requests, to prove that a client survives them.

Available only after `up --faults`. A fault is a row of the store. It strikes `count` times, or until
it is removed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from embedded_aws.errors import FaultRefused
from embedded_aws.store.resources import Store
from embedded_aws.wire.faults import ServiceFault, ServiceUnavailable, ThrottlingException

PATH = "/_embedded_aws/faults"
THROTTLE, ERROR, LATENCY = "throttle", "error", "latency"
SPOT_INTERRUPTION, REFUSE_PING = "spot_interruption", "refuse_ping"
KINDS = (THROTTLE, ERROR, LATENCY, SPOT_INTERRUPTION, REFUSE_PING)
ANY = "*"
_COLUMNS = "id, kind, target, remaining, seconds, status"


@dataclass(frozen=True)
class Fault:
    """One fault asked for.

    `target` is an operation (throttle, error, latency), a training job (spot_interruption) or an
    endpoint whose next instance never passes /ping (refuse_ping), or `*` for all; `remaining` is how
    many times it still strikes, None until it is removed; `seconds` is the latency, `status` the HTTP
    status of an error.
    """

    id: int
    kind: str
    target: str
    remaining: int | None
    seconds: float
    status: int


def add(
    store: Store, kind: str, target: str, count: int | None = None, seconds: float = 1.0, status: int = 500
) -> Fault:
    """Ask for a fault; a spot interruption strikes once unless told otherwise.

    Raises:
        FaultRefused: a value is none it can have.
    """
    if kind not in KINDS:
        raise FaultRefused(f"Fault kind: {kind!r}, expected one of {', '.join(KINDS)}.")
    if not target:
        raise FaultRefused("Fault target: empty, expected an operation, a job or an endpoint, or `*`.")
    if count is not None and count < 1:
        raise FaultRefused(f"Fault count: {count}, expected at least 1, or none for a lasting fault.")
    if not 500 <= status <= 599:
        raise FaultRefused(f"Fault status: {status}, expected 500 to 599.")
    if seconds < 0:
        raise FaultRefused(f"Fault seconds: {seconds}, expected 0 or more.")
    remaining = 1 if count is None and kind == SPOT_INTERRUPTION else count
    rows = store.execute(
        f"INSERT INTO fault (kind, target, remaining, seconds, status) VALUES (?, ?, ?, ?, ?) "
        f"RETURNING {_COLUMNS}",
        (kind, target, remaining, seconds, status),
    )
    return Fault(*rows[0])


def all_of(store: Store) -> list[Fault]:
    """Return the active faults, oldest first."""
    return [Fault(*row) for row in store.query(f"SELECT {_COLUMNS} FROM fault ORDER BY id")]


def remove(store: Store, id: int | None = None) -> None:
    """Remove one fault, or all of them."""
    store.execute("DELETE FROM fault WHERE ? IS NULL OR id = ?", (id, id))


def take(store: Store, kind: str, target: str) -> Fault | None:
    """Return the fault that strikes the target now and count it; None if there is none."""
    if not _find(store, kind, target):
        return None
    with store.transaction():
        found = _find(store, kind, target)
        if not found:
            return None
        fault = Fault(*found[0])
        store.execute("UPDATE fault SET remaining = remaining - 1 WHERE id = ?", (fault.id,))
        store.execute("DELETE FROM fault WHERE remaining <= 0")
    return fault


async def strike(store: Store, operation: str) -> None:
    """Let the faults asked for strike a request for the operation.

    Raises:
        ThrottlingException: it is throttled.
        ServiceFault: it meets a server error.
    """
    if latency := take(store, LATENCY, operation):
        await asyncio.sleep(latency.seconds)
    if take(store, THROTTLE, operation):
        raise ThrottlingException("Rate exceeded")
    if error := take(store, ERROR, operation):
        sentence = f"The request failed with status {error.status}, as asked for."
        fault = ServiceUnavailable(sentence) if error.status == 503 else ServiceFault(sentence)
        fault.status = error.status
        raise fault


def _find(store: Store, kind: str, target: str) -> list[tuple[Any, ...]]:
    query = f"SELECT {_COLUMNS} FROM fault WHERE kind = ? AND target IN (?, ?) ORDER BY id LIMIT 1"
    return store.query(query, (kind, target, ANY))


def control(store: Store, method: str, path: str, body: bytes) -> tuple[int, bytes]:
    """Answer a request to the switch itself: the status, and a JSON body.

    POST asks for a fault (`{"kind", "target", "count", "seconds", "status"}`), GET lists them,
    DELETE removes all, or the one whose id ends the path.
    """
    one = path.removeprefix(PATH).strip("/")
    try:
        if method == "POST" and not one:
            return 201, _dumped(asdict(add(store, **_read(body))))
        if method == "GET" and not one:
            return 200, _dumped({"faults": [asdict(fault) for fault in all_of(store)]})
        if method == "DELETE" and (not one or one.isdecimal()):
            remove(store, int(one) if one else None)
            return 200, _dumped({})
    except FaultRefused as error:
        return 400, _dumped({"message": str(error)})
    return 404, _dumped({"message": f"Fault switch: {method} {path}, expected POST, GET or DELETE {PATH}."})


def _read(body: bytes) -> dict[str, Any]:
    """The members of a POST, each of the type `add` takes."""
    types: Mapping[str, tuple[type, ...]] = {
        "kind": (str,),
        "target": (str,),
        "count": (int, type(None)),
        "seconds": (int, float),
        "status": (int,),
    }
    try:
        members = json.loads(body)
    except ValueError as error:
        raise FaultRefused(f"Fault: {error}, expected JSON.") from error
    if not isinstance(members, dict) or not {"kind", "target"} <= members.keys() <= types.keys():
        raise FaultRefused(
            f"Fault: {members}, expected kind, target and of the rest only {', '.join(types)}."
        )
    for name, value in members.items():
        if not isinstance(value, types[name]) or isinstance(value, bool):
            raise FaultRefused(f"Fault {name}: {value!r}, expected a {types[name][0].__name__}.")
    return members


def _dumped(answer: object) -> bytes:
    return json.dumps(answer).encode() + b"\n"
