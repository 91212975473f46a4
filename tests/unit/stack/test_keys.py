from __future__ import annotations

import base64
import stat
from pathlib import Path

from stack import keys


def test_secrets_are_made_once_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    first = keys.airflow_keys(tmp_path)
    password = keys.admin_password(tmp_path)

    assert keys.airflow_keys(tmp_path) == first
    assert keys.admin_password(tmp_path) == password
    assert len(password) >= 12
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["keys.json", "passwords.json"]


def test_the_fernet_key_is_one(tmp_path: Path) -> None:
    assert len(base64.urlsafe_b64decode(keys.airflow_keys(tmp_path)["fernet_key"])) == 32


def test_two_stacks_share_no_secret(tmp_path: Path) -> None:
    one, other = keys.airflow_keys(tmp_path / "one"), keys.airflow_keys(tmp_path / "other")

    assert not set(one.values()) & set(other.values())
