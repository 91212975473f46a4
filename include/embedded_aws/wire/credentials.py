"""The credentials of one home: one pair, generated at first use."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Credentials:
    """An access key and its secret."""

    access_key_id: str
    secret_access_key: str = field(repr=False)


def load_or_create(home: Path) -> Credentials:
    """The credentials of the home, made on first use and readable by their owner only."""
    path = home / "credentials.json"
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}")
        partial.touch(mode=0o600)
        partial.write_text(json.dumps(_generate()))
        try:
            os.link(partial, path)
        except FileExistsError:
            pass  # another process made them first: its pair is the one that counts
        finally:
            partial.unlink()
    return Credentials(**json.loads(path.read_text()))


def write_profile(home: Path) -> Path:
    """Write the credentials as a file for `AWS_SHARED_CREDENTIALS_FILE`, and return its path."""
    credentials = load_or_create(home)
    path = home / "credentials.ini"
    path.touch(mode=0o600)
    path.write_text(
        f"[default]\naws_access_key_id = {credentials.access_key_id}\n"
        f"aws_secret_access_key = {credentials.secret_access_key}\n"
    )
    return path


def _generate() -> dict[str, str]:
    return {
        "access_key_id": "AKIA" + base64.b32encode(secrets.token_bytes(10)).decode(),
        "secret_access_key": base64.b64encode(secrets.token_bytes(30)).decode().replace("/", "x"),
    }
