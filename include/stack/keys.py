"""The secrets Airflow needs, generated once and kept in files only their owner can read."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path

ADMIN = "admin"


def airflow_keys(airflow_home: Path) -> dict[str, str]:
    """Return Airflow's Fernet key, JWT secret and API secret, made at the first call."""
    return _kept(
        airflow_home / "keys.json",
        lambda: {
            "fernet_key": base64.urlsafe_b64encode(os.urandom(32)).decode(),
            "jwt_secret": secrets.token_urlsafe(48),
            "api_secret_key": secrets.token_urlsafe(48),
        },
    )


def passwords_file(airflow_home: Path) -> Path:
    """Return the file of the simple auth manager's passwords: a JSON object of user and password."""
    return airflow_home / "passwords.json"


def admin_password(airflow_home: Path) -> str:
    """Return the password of Airflow's admin, made at the first call."""
    kept = _kept(passwords_file(airflow_home), lambda: {ADMIN: secrets.token_urlsafe(12)})
    return kept[ADMIN]


def _kept(path: Path, make: Callable[[], dict[str, str]]) -> dict[str, str]:
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_private(path, json.dumps(make()) + "\n")
    kept: dict[str, str] = json.loads(path.read_text())
    return kept


def _write_private(path: Path, text: str) -> None:
    """Write a file of mode 600, whole or not at all; one that is there already stays."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        Path(temporary).unlink()
