"""API keys: made once, shown once, kept only as a SHA-256, with a tenant, scopes and an end.

A key is `histoflow_<id>_<secret>`; the secret is 256 random bits, so that a fast hash keeps it safe.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from idc.errors import ConfigurationError
from idc.serving.database import Database

Scope = Literal["predict", "slides", "feedback", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
PREFIX = "histoflow"
FILE = "keys.sqlite3"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS key (
  id TEXT PRIMARY KEY, hash BLOB NOT NULL, tenant TEXT NOT NULL, scopes TEXT NOT NULL,
  created_at REAL NOT NULL, expires_at REAL, revoked_at REAL, successor TEXT
)
"""


@dataclass(frozen=True)
class Key:
    """What is known of a key; times are seconds since 1970."""

    id: str
    tenant: str
    scopes: frozenset[str]
    created_at: float
    expires_at: float | None
    revoked_at: float | None
    successor: str | None

    def is_valid(self, now: float) -> bool:
        """Whether it opens anything."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class Keyring:
    """The keys of one API, which may be changed while it runs."""

    def __init__(self, folder: Path) -> None:
        """Open the keyring in the API's folder, making it if need be."""
        self._database = Database(folder / FILE, _SCHEMA)

    def create(
        self, tenant: str, scopes: Sequence[str], expires_at: float | None = None, now: float | None = None
    ) -> str:
        """Make a key and return it; it cannot be seen again.

        Raises:
            ConfigurationError: there is no such scope, or no tenant is named.
        """
        unknown = [scope for scope in scopes if scope not in SCOPES]
        if unknown or not scopes:
            observed, expected = ", ".join(unknown) or "none", f"some of {', '.join(SCOPES)}"
            raise ConfigurationError("scopes", f"of a key for {tenant!r}", observed, expected, "Choose them.")
        if not tenant.strip() or len(tenant) > 64 or not tenant.isprintable():
            expected = "1 to 64 printable characters"
            raise ConfigurationError("tenant", repr(tenant[:80]), "not a name", expected, "Choose another.")
        text = f"{PREFIX}_{secrets.token_hex(6)}_{secrets.token_urlsafe(32)}"
        created_at = time.time() if now is None else now
        self._database.query(
            "INSERT INTO key (id, hash, tenant, scopes, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
            (
                id_of(text),
                _hash(text),
                tenant,
                " ".join(scopes),
                created_at,
                expires_at,
            ),
        )
        return text

    def rotate(self, id: str, overlap_s: float, expires_at: float | None = None) -> str:
        """Make a key with the same tenant and scopes; the old one ends after the overlap at the latest.

        Raises:
            ConfigurationError: there is no such key, or it is no longer valid.
        """
        old, now = self._known(id), time.time()
        if not old.is_valid(now):
            raise ConfigurationError("key", id, "revoked or expired", "a valid one", "Create a new key.")
        text = self.create(old.tenant, sorted(old.scopes), expires_at)
        end = min(now + overlap_s, old.expires_at or float("inf"))
        self._database.query(
            "UPDATE key SET expires_at = ?, successor = ? WHERE id = ?", (end, id_of(text), id)
        )
        return text

    def revoke(self, id: str) -> None:
        """End a key at once.

        Raises:
            ConfigurationError: there is no such key.
        """
        self._known(id)
        sql = "UPDATE key SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?"
        self._database.query(sql, (time.time(), id))

    def all(self) -> list[Key]:
        """Return every key, oldest first."""
        return [_key(row) for row in self._database.query("SELECT * FROM key ORDER BY created_at, id")]

    def find(self, text: str, now: float | None = None) -> Key | None:
        """Return the valid key that this text is, if it is one."""
        rows = self._database.query("SELECT * FROM key WHERE id = ?", (id_of(text),))
        is_right = hmac.compare_digest(rows[0]["hash"] if rows else bytes(32), _hash(text))
        if not rows or not is_right:
            return None
        key = _key(rows[0])
        return key if key.is_valid(time.time() if now is None else now) else None

    def close(self) -> None:
        """Close the keyring."""
        self._database.close()

    def _known(self, id: str) -> Key:
        rows = self._database.query("SELECT * FROM key WHERE id = ?", (id,))
        if not rows:
            action = "List them with `python -m idc.serving.keys list`."
            raise ConfigurationError("key", repr(id), "unknown", "the id of a key", action)
        return _key(rows[0])


def id_of(text: str) -> str:
    """Return the id within a key, which is no secret; empty if the text is no key."""
    parts = text.split("_", 2)
    return parts[1] if len(parts) == 3 and parts[0] == PREFIX else ""


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _key(row: object) -> Key:
    values = dict(row)  # type: ignore[call-overload]  # a sqlite3.Row is a mapping in all but name
    del values["hash"]
    return Key(**{**values, "scopes": frozenset(values["scopes"].split())})
