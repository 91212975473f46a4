"""The store: all resources in SQLite, each change durable before it is visible.

A resource is a JSON document in the shape of its Describe response. Members that begin with an
underscore are internal. Readers and writers are separate processes with connections of their own;
writes are short immediate transactions.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Document = dict[str, Any]
BUSY_TIMEOUT_S = 30.0

SCHEMA = """
CREATE TABLE IF NOT EXISTS resource (
    kind TEXT NOT NULL, name TEXT NOT NULL, arn TEXT NOT NULL UNIQUE, status TEXT NOT NULL,
    created REAL NOT NULL, modified REAL NOT NULL, document TEXT NOT NULL,
    PRIMARY KEY (kind, name)
);
CREATE INDEX IF NOT EXISTS resource_created ON resource (kind, created, name);
CREATE INDEX IF NOT EXISTS resource_status ON resource (kind, status, created);
CREATE TABLE IF NOT EXISTS tag (
    arn TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (arn, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS agent (
    arn TEXT PRIMARY KEY, pid INTEGER NOT NULL, started INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS worker (
    id TEXT PRIMARY KEY, endpoint TEXT NOT NULL, generation INTEGER NOT NULL, variant TEXT NOT NULL,
    state TEXT NOT NULL, port INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '',
    pid INTEGER NOT NULL DEFAULT 0, started INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS worker_endpoint ON worker (endpoint);
CREATE TABLE IF NOT EXISTS fault (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, target TEXT NOT NULL, remaining INTEGER,
    seconds REAL NOT NULL, status INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS async_invocation (
    id TEXT PRIMARY KEY, endpoint TEXT NOT NULL, created REAL NOT NULL, document TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS metric (
    arn TEXT NOT NULL, name TEXT NOT NULL, timestamp REAL NOT NULL, value REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS metric_arn ON metric (arn);
CREATE TABLE IF NOT EXISTS trial (
    tuning_job TEXT NOT NULL, number INTEGER NOT NULL, training_job TEXT NOT NULL, document TEXT NOT NULL,
    PRIMARY KEY (tuning_job, number)
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Kind:
    """A sort of resource: its name, the ARN's resource type and the member that holds its status."""

    name: str
    arn_type: str
    status_member: str = ""


@dataclass(frozen=True)
class Row:
    """A resource as a listing sees it."""

    name: str
    arn: str
    status: str
    created: float
    modified: float
    document: Document


class Store:
    """One process's connection to the resources of a home."""

    def __init__(self, database: Path) -> None:
        database.parent.mkdir(parents=True, exist_ok=True)
        self._database = database
        self._connection = self._connect()
        with self.transaction():
            for statement in SCHEMA.split(";"):
                self._connection.execute(statement)

    def close(self) -> None:
        """Close the connection; needed before a fork, which SQLite does not survive."""
        self._connection.close()

    def reopen(self) -> None:
        """Connect again after `close`."""
        self._connection = self._connect()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._database, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; one inside another is part of it."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def version(self) -> tuple[int, int]:
        """A value that changes whenever this or another process has written."""
        data_version = self._connection.execute("PRAGMA data_version").fetchone()[0]
        return data_version, self._connection.total_changes

    def insert(self, kind: Kind, name: str, arn: str, document: Document) -> bool:
        """Add a resource; False if the name is taken."""
        now = document.get("CreationTime", time.time())
        values = (kind.name, name, arn, _status(kind, document), now, now, json.dumps(document))
        with self.transaction():
            cursor = self._connection.execute(
                "INSERT OR IGNORE INTO resource VALUES (?, ?, ?, ?, ?, ?, ?)", values
            )
        return cursor.rowcount == 1

    def get(self, kind: Kind, name: str) -> Document | None:
        """The document of a resource, None if there is none."""
        row = self._connection.execute(
            "SELECT document FROM resource WHERE kind = ? AND name = ?", (kind.name, name)
        ).fetchone()
        return None if row is None else json.loads(row[0])

    def status(self, kind: Kind, name: str) -> str | None:
        """The status alone, None if there is no such resource."""
        row = self._connection.execute(
            "SELECT status FROM resource WHERE kind = ? AND name = ?", (kind.name, name)
        ).fetchone()
        return None if row is None else str(row[0])

    def has_arn(self, arn: str) -> bool:
        """Whether a resource with the ARN exists."""
        return self._connection.execute("SELECT 1 FROM resource WHERE arn = ?", (arn,)).fetchone() is not None

    def update(self, kind: Kind, name: str, change: Callable[[Document], object]) -> Document | None:
        """Let `change` alter the document in place, in one transaction; None if it does not exist.

        `change` may raise to leave everything as it was.
        """
        with self.transaction():
            document = self.get(kind, name)
            if document is None:
                return None
            change(document)
            now = time.time()
            if "LastModifiedTime" in document:
                document["LastModifiedTime"] = now
            self._connection.execute(
                "UPDATE resource SET document = ?, status = ?, modified = ? WHERE kind = ? AND name = ?",
                (json.dumps(document), _status(kind, document), now, kind.name, name),
            )
        return document

    def delete(self, kind: Kind, name: str) -> bool:
        """Remove a resource and its tags; False if it does not exist."""
        with self.transaction():
            row = self._connection.execute(
                "DELETE FROM resource WHERE kind = ? AND name = ? RETURNING arn", (kind.name, name)
            ).fetchone()
            if row is not None:
                self._connection.execute("DELETE FROM tag WHERE arn = ?", row)
        return row is not None

    def select(self, where: str, values: Sequence[object], order: str, limit: int) -> list[Row]:
        """Rows of resources by a condition and an order written by the caller, never by a client."""
        query = (
            f"SELECT name, arn, status, created, modified, document FROM resource WHERE {where} "
            f"ORDER BY {order} LIMIT ?"
        )
        rows = self._connection.execute(query, (*values, limit)).fetchall()
        return [
            Row(name, arn, status, created, modified, json.loads(text))
            for name, arn, status, created, modified, text in rows
        ]

    def with_status(self, kind: Kind, *statuses: str) -> list[Row]:
        """All resources of a kind in one of the statuses, oldest first."""
        marks = ", ".join("?" * len(statuses))
        return self.select(f"kind = ? AND status IN ({marks})", (kind.name, *statuses), "created, rowid", -1)

    def execute(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run one statement on the side tables, in a transaction of its own if none is open."""
        with self.transaction():
            return self._connection.execute(statement, values).fetchall()

    def query(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Read from the side tables."""
        return self._connection.execute(statement, values).fetchall()


def _status(kind: Kind, document: Document) -> str:
    return str(document.get(kind.status_member, "")) if kind.status_member else ""
