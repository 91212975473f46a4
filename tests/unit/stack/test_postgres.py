"""Airflow on a real Postgres, by one setting."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest
from pydantic import SecretStr

from stack import services
from stack.settings import StackSettings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PASSWORD = "canary-of-the-database"


def postgres_program(name: str) -> str:
    found = [shutil.which(name), *map(str, sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}")))]
    if not any(found):
        pytest.skip(f"no Postgres server on this machine ({name}); Debian's package is postgresql")
    return next(path for path in reversed(found) if path)


@pytest.fixture
def database_url(free_port: Callable[[], int]) -> Iterator[str]:
    """The URL of an empty database in a server of its own, which refuses to run as root."""
    initdb, pg_ctl, port = postgres_program("initdb"), postgres_program("pg_ctl"), free_port()
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    (folder / "password").write_text(PASSWORD)
    as_owner: list[str] = []
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        for path in (folder, folder / "password"):
            os.chown(path, owner.pw_uid, owner.pw_gid)
        as_owner = ["runuser", "-u", "postgres", "--"]

    def run(*command: str) -> None:
        done = subprocess.run([*as_owner, *command], cwd=folder, stdin=subprocess.DEVNULL, timeout=60)
        assert done.returncode == 0

    data, log = str(folder / "data"), str(folder / "log")
    run(initdb, "-D", data, "-U", "histoflow", "-A", "scram-sha-256", "--pwfile", str(folder / "password"))
    run(pg_ctl, "-D", data, "-l", log, "-w", "-o", f"-p {port} -h 127.0.0.1 -k {folder}", "start")
    yield f"postgresql://histoflow:{PASSWORD}@127.0.0.1:{port}/postgres"
    run(pg_ctl, "-D", data, "-m", "immediate", "-w", "stop")
    shutil.rmtree(folder)


def test_airflow_lives_in_postgres(settings: StackSettings, database_url: str) -> None:
    with_postgres = settings.model_copy(update={"database_url": SecretStr(database_url)})
    try:
        services.up(with_postgres)
        with services.api(with_postgres) as airflow:
            assert airflow.unhealthy_parts() == []
        connection = psycopg2.connect(database_url)
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM job WHERE state = 'running'")
            assert cursor.fetchone()[0] >= 3
        connection.close()
        assert not (with_postgres.airflow_home / "airflow.db").exists()
        written = [path for path in with_postgres.home.rglob("*") if path.is_file() and path.suffix != ".db"]
        assert not [path for path in written if PASSWORD.encode() in path.read_bytes()]
    finally:
        services.down(with_postgres)
