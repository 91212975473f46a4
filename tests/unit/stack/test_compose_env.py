from __future__ import annotations

import base64
import stat
from pathlib import Path

from stack import compose_env, paths

EXAMPLE = (paths.REPOSITORY / ".env.example").read_text()


def _values(text: str) -> dict[str, str]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_every_secret_is_new_and_nothing_else_changes() -> None:
    example, first, second = _values(EXAMPLE), *(_values(compose_env.filled(EXAMPLE)) for _ in range(2))
    secret = [name for name, value in example.items() if not value]

    assert {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "AIRFLOW_ADMIN_PASSWORD"} <= set(secret)
    for name in secret:
        assert len(first[name]) >= 32
        assert first[name] != second[name]
    assert len(base64.urlsafe_b64decode(first["AIRFLOW_FERNET_KEY"])) == 32
    assert {name: first[name] for name in example if name not in secret} == {
        name: value for name, value in example.items() if value
    }


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".env.example").write_text(EXAMPLE)

    assert compose_env.write(tmp_path)
    written = (tmp_path / ".env").read_text()
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert not compose_env.write(tmp_path)
    assert (tmp_path / ".env").read_text() == written
