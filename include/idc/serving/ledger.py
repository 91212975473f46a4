"""Keep given answers and their true labels, against which feedback is checked."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from idc.serving.database import Database

FILE = "answers.sqlite3"
DAY_S = 86400.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS answer (
  request_id TEXT PRIMARY KEY, tenant TEXT NOT NULL, at REAL NOT NULL, raw REAL NOT NULL,
  probability REAL NOT NULL, threshold REAL NOT NULL, version TEXT NOT NULL, package TEXT NOT NULL,
  synthetic INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS answer_at ON answer (at);
CREATE TABLE IF NOT EXISTS label (
  request_id TEXT NOT NULL, tile TEXT NOT NULL, number INTEGER NOT NULL, label INTEGER NOT NULL,
  at REAL NOT NULL, PRIMARY KEY (request_id, tile, number)
) WITHOUT ROWID
"""


@dataclass(frozen=True)
class Answer:
    """One answer about a patch; `at` in seconds since 1970."""

    request_id: str
    tenant: str
    at: float
    raw: float
    probability: float
    threshold: float
    version: str
    package: str
    synthetic: bool


@dataclass(frozen=True)
class Label:
    """A true label that is stored in S3."""

    number: int
    label: int
    at: float


class Ledger:
    """Answers and labels in the order of their arrival."""

    def __init__(self, folder: Path) -> None:
        """Open the ledger in the API's folder, making it if need be."""
        self._database = Database(folder / FILE, _SCHEMA)

    def add(self, answer: Answer) -> None:
        """Keep an answer before it is given."""
        values = tuple(vars(answer).values())
        self._database.query("INSERT INTO answer VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)

    def find(self, request_id: str, tenant: str) -> Answer | None:
        """Return an answer that was given to this tenant."""
        sql = "SELECT * FROM answer WHERE request_id = ? AND tenant = ?"
        rows = self._database.query(sql, (request_id, tenant))
        if not rows:
            return None
        values = dict(rows[0])
        return Answer(**{**values, "synthetic": bool(values["synthetic"])})

    def label(self, request_id: str, tile: str) -> Label | None:
        """Return the newest label of a patch or tile."""
        sql = "SELECT number, label, at FROM label WHERE request_id = ? AND tile = ? ORDER BY number DESC"
        rows = self._database.query(f"{sql} LIMIT 1", (request_id, tile))
        return Label(**dict(rows[0])) if rows else None

    def add_label(self, request_id: str, tile: str, label: Label) -> None:
        """Record a label that S3 has."""
        sql = "INSERT OR IGNORE INTO label (request_id, tile, number, label, at) VALUES (?, ?, ?, ?, ?)"
        self._database.query(sql, (request_id, tile, label.number, label.label, label.at))

    def forget(self, days: int) -> None:
        """Remove answers older than so many days."""
        self._database.query("DELETE FROM answer WHERE at < ?", (time.time() - days * DAY_S,))

    def close(self) -> None:
        """Close the ledger."""
        self._database.close()
