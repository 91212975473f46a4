"""Airflow's database: brought to the installed Airflow's schema, once per version."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
from collections.abc import Mapping

import sqlalchemy
import sqlalchemy.exc

from stack.console import say
from stack.environments import interpreter
from stack.errors import ServiceFailed
from stack.settings import StackSettings


def migrate_once(settings: StackSettings, environment: Mapping[str, str]) -> bool:
    """Migrate the database unless this Airflow already did; return whether it had to.

    Raises:
        ServiceFailed: the migration failed; the message has the end of its output.
    """
    stamp = settings.airflow_home / "database.json"
    version = importlib.metadata.version("apache-airflow-core")
    today = {"airflow": version, "revision": _revision(settings)}
    if today["revision"] and stamp.is_file() and json.loads(stamp.read_text()) == today:
        return False
    say(f"airflow: preparing the database for Airflow {version}")
    settings.airflow_home.mkdir(parents=True, exist_ok=True)
    settings.logs.mkdir(parents=True, exist_ok=True)
    output = settings.logs / "db-migrate.log"
    with output.open("wb") as sink:
        done = subprocess.run(
            [str(interpreter("airflow", settings.envs)), "-m", "airflow", "db", "migrate"],
            cwd=settings.airflow_home,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        end = "\n".join(output.read_text(errors="replace").splitlines()[-15:])
        raise ServiceFailed(
            f"airflow db migrate: ended with code {done.returncode}, expected 0. Its last lines are:\n{end}"
        )
    stamp.write_text(json.dumps({**today, "revision": _revision(settings)}) + "\n")
    return True


def _revision(settings: StackSettings) -> str | None:
    """Return the schema revision the database is at, or None when it has no schema or cannot be read."""
    if settings.database_url is None and not (settings.airflow_home / "airflow.db").is_file():
        return None
    engine = sqlalchemy.create_engine(settings.sql_alchemy_url)
    try:
        with engine.connect() as connection:
            found = connection.execute(sqlalchemy.text("SELECT version_num FROM alembic_version")).scalar()
            return str(found) if found else None
    except sqlalchemy.exc.SQLAlchemyError:
        return None
    finally:
        engine.dispose()
