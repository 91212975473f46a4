"""Slides as SQLite keeps them: how far each is, and the answer for each of its tiles."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from idc.serving import tiles
from idc.serving.database import Database
from idc.serving.endpoint import Scored
from idc.serving.tiles import Grid, Tiling

FILE = "slides.sqlite3"
DAY_S = 86400.0
UNFINISHED = "('queued', 'running')"

State = Literal["queued", "running", "succeeded", "failed", "cancelled", "deleted"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS slide (
  id TEXT PRIMARY KEY, tenant TEXT NOT NULL, state TEXT NOT NULL, created_at REAL NOT NULL,
  updated_at REAL NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0, problem TEXT, tiling TEXT
);
CREATE INDEX IF NOT EXISTS slide_tenant ON slide (tenant, created_at);
CREATE TABLE IF NOT EXISTS version (
  slide TEXT NOT NULL, name TEXT NOT NULL, variant TEXT NOT NULL, partition TEXT NOT NULL,
  package TEXT NOT NULL, threshold REAL NOT NULL, synthetic INTEGER NOT NULL, PRIMARY KEY (slide, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tile (
  slide TEXT NOT NULL, number INTEGER NOT NULL, raw REAL, probability REAL, version TEXT,
  PRIMARY KEY (slide, number)
) WITHOUT ROWID
"""


_TILES = """
SELECT tile.number, tile.raw, tile.probability, tile.version, version.threshold FROM tile
JOIN version ON version.slide = tile.slide AND version.name = tile.version WHERE tile.slide = ?
"""


@dataclass(frozen=True)
class SlideRecord:
    """A slide; times are seconds since 1970, `problem` is a `ProblemDetails` in JSON.

    `tiling` is the `Tiling` it is scored with, in JSON; None in records of earlier releases.
    """

    id: str
    tenant: str
    state: State
    created_at: float
    updated_at: float
    width: int
    height: int
    attempts: int
    problem: str | None
    tiling: str | None

    @property
    def grid(self) -> Grid:
        """The tiles that it is scored with."""
        return Grid(self.width, self.height, Tiling.from_json(self.tiling))


@dataclass(frozen=True)
class TileRecord:
    """The answer for one tile; a background tile has none."""

    number: int
    raw: float
    probability: float
    version: str
    threshold: float

    @property
    def is_positive(self) -> bool:
        """Whether the class is 1."""
        return self.probability >= self.threshold


@dataclass(frozen=True)
class VersionRecord:
    """A model version that answered for some of a slide's tiles."""

    name: str
    variant: str
    partition: str
    package: str
    threshold: float
    synthetic: bool
    tiles: int
    positive: int
    max_probability: float


class SlideRecords:
    """All slides of one API."""

    def __init__(self, folder: Path) -> None:
        """Open the records in the API's folder, making them if need be."""
        self._database = Database(folder / FILE, _SCHEMA)
        if "tiling" not in {row["name"] for row in self._database.query("PRAGMA table_info(slide)")}:
            self._database.query("ALTER TABLE slide ADD COLUMN tiling TEXT")

    def add(self, id: str, tenant: str, size: tuple[int, int], most: int) -> bool:
        """Queue a slide unless the tenant has so many unfinished ones; return whether it was queued."""
        now = time.time()
        with self._database.transaction() as connection:
            if self._unfinished(tenant) >= most:
                return False
            connection.execute(
                "INSERT INTO slide (id, tenant, state, created_at, updated_at, width, height, tiling) "
                "VALUES (?, ?, 'queued', ?, ?, ?, ?, ?)",
                (id, tenant, now, now, *size, tiles.TILING.to_json()),
            )
        return True

    def find(self, id: str, tenant: str) -> SlideRecord | None:
        """Return a slide of this tenant."""
        rows = self._database.query("SELECT * FROM slide WHERE id = ? AND tenant = ?", (id, tenant))
        return SlideRecord(**dict(rows[0])) if rows else None

    def newest(self, tenant: str, count: int) -> list[SlideRecord]:
        """Return the tenant's newest slides."""
        sql = "SELECT * FROM slide WHERE tenant = ? ORDER BY created_at DESC, id LIMIT ?"
        return [SlideRecord(**dict(row)) for row in self._database.query(sql, (tenant, count))]

    def unfinished(self, tenant: str) -> int:
        """Return how many slides of a tenant are queued or running."""
        return self._unfinished(tenant)

    def counts(self) -> dict[str, int]:
        """Return the number of slides in each state."""
        rows = self._database.query("SELECT state, count(*) FROM slide GROUP BY state")
        return {row[0]: row[1] for row in rows}

    def waiting(self) -> set[str]:
        """Return the ids of all slides that have not ended."""
        rows = self._database.query(f"SELECT id FROM slide WHERE state IN {UNFINISHED}")
        return {row[0] for row in rows}

    def requeue(self) -> None:
        """Queue what was running when the server ended."""
        self._database.query("UPDATE slide SET state = 'queued' WHERE state = 'running'")

    def take(self) -> SlideRecord | None:
        """Return the oldest queued slide, which is running from now on."""
        rows = self._database.query(
            "UPDATE slide SET state = 'running', attempts = attempts + 1, updated_at = ? WHERE id = ("
            "SELECT id FROM slide WHERE state = 'queued' ORDER BY created_at, id LIMIT 1) RETURNING *",
            (time.time(),),
        )
        return SlideRecord(**dict(rows[0])) if rows else None

    def end(self, id: str, state: State, problem: str | None = None) -> bool:
        """End a slide that is queued or running; return whether it was."""
        rows = self._database.query(
            f"UPDATE slide SET state = ?, problem = ?, updated_at = ? WHERE id = ? AND state IN {UNFINISHED} "
            "RETURNING id",
            (state, problem, time.time(), id),
        )
        return bool(rows)

    def erase(self, id: str, state: Literal["cancelled", "deleted"]) -> None:
        """Remove the answers of a slide that has ended; what is left says that it was there."""
        with self._database.transaction() as connection:
            for table in ("tile", "version"):
                connection.execute(f"DELETE FROM {table} WHERE slide = ?", (id,))
            connection.execute(
                "UPDATE slide SET state = ?, problem = NULL, updated_at = ? WHERE id = ? "
                f"AND state NOT IN {UNFINISHED}",
                (state, time.time(), id),
            )

    def add_tiles(self, id: str, scored: Sequence[tuple[int, Scored | None]]) -> bool:
        """Keep answers, None for background, if the slide is still running; return whether it is."""
        with self._database.transaction() as connection:
            running = "UPDATE slide SET updated_at = ? WHERE id = ? AND state = 'running'"
            if not connection.execute(running, (time.time(), id)).rowcount:
                return False
            for version in {answer.version for _, answer in scored if answer is not None}:
                served = version.served
                connection.execute(
                    "INSERT OR IGNORE INTO version VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (
                        id, version.name, served.variant, served.partition, version.package, served.threshold,
                        served.synthetic,
                    ),
                )  # fmt: skip
            connection.executemany(
                "INSERT OR IGNORE INTO tile VALUES (?, ?, ?, ?, ?)",
                [(id, number, *_columns(answer)) for number, answer in scored],
            )
        return True

    def done(self, id: str) -> set[int]:
        """Return the numbers of the tiles that need not be looked at again."""
        return {row[0] for row in self._database.query("SELECT number FROM tile WHERE slide = ?", (id,))}

    def background(self, id: str) -> int:
        """Return how many tiles are background."""
        sql = "SELECT count(*) FROM tile WHERE slide = ? AND version IS NULL"
        return int(self._database.query(sql, (id,))[0][0])

    def tiles(self, id: str) -> list[TileRecord]:
        """Return the answers, in the order of the tiles."""
        rows = self._database.query(f"{_TILES} ORDER BY tile.number", (id,))
        return [TileRecord(**dict(row)) for row in rows]

    def tile(self, id: str, number: int) -> TileRecord | None:
        """Return the answer for one tile; None if there is none, or it is background."""
        rows = self._database.query(f"{_TILES} AND tile.number = ?", (id, number))
        return TileRecord(**dict(rows[0])) if rows else None

    def version(self, id: str, name: str) -> VersionRecord:
        """Return a version that answered for some of a slide's tiles."""
        return next(version for version in self.versions(id) if version.name == name)

    def versions(self, id: str) -> list[VersionRecord]:
        """Return the model versions that answered, with how much each did."""
        sql = (
            "SELECT version.name, version.variant, version.partition, version.package, version.threshold, "
            "version.synthetic, count(*) AS tiles, sum(tile.probability >= version.threshold) AS positive, "
            "max(tile.probability) AS max_probability FROM tile "
            "JOIN version ON version.slide = tile.slide AND version.name = tile.version "
            "WHERE tile.slide = ? GROUP BY version.name ORDER BY version.name"
        )
        rows = [dict(row) for row in self._database.query(sql, (id,))]
        return [VersionRecord(**{**row, "synthetic": bool(row["synthetic"])}) for row in rows]

    def forget(self, days: int) -> None:
        """Remove slides that ended more than so many days ago."""
        old = f"SELECT id FROM slide WHERE updated_at < ? AND state NOT IN {UNFINISHED}"
        before = time.time() - days * DAY_S
        with self._database.transaction() as connection:
            for table in ("tile", "version"):
                connection.execute(f"DELETE FROM {table} WHERE slide IN ({old})", (before,))
            connection.execute(f"DELETE FROM slide WHERE id IN ({old})", (before,))

    def close(self) -> None:
        """Close the records."""
        self._database.close()

    def _unfinished(self, tenant: str) -> int:
        sql = f"SELECT count(*) FROM slide WHERE tenant = ? AND state IN {UNFINISHED}"
        return int(self._database.query(sql, (tenant,))[0][0])


def _columns(answer: Scored | None) -> tuple[float | None, float | None, str | None]:
    return (None, None, None) if answer is None else (answer.raw, answer.calibrated, answer.version.name)
