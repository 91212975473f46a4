"""A Docker daemon and the images that compose names, made here where they cannot be pulled."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_aws import wait_until

BASE, POSTGRES, REDIS = "debian:bookworm-slim", "postgres:16", "redis:7"
PULL_S, BUILD_S = 120, 2400
CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"
START_POSTGRES = """set -e
data=/var/lib/postgresql/data/cluster; bin=/usr/lib/postgresql/15/bin
mkdir -p $data /var/run/postgresql; chown -R postgres $data /var/run/postgresql
if [ ! -s $data/PG_VERSION ]; then
  printf %s "$POSTGRES_PASSWORD" > /tmp/password; chown postgres /tmp/password
  options="-E UTF8 -A scram-sha-256 -U $POSTGRES_USER --pwfile=/tmp/password"
  su postgres -c "$bin/initdb $options -D $data" > /dev/null
  echo "host all all all scram-sha-256" >> $data/pg_hba.conf
  su postgres -c "$bin/pg_ctl -w -D $data start"
  export PGPASSWORD=$POSTGRES_PASSWORD
  su postgres -c "psql -U $POSTGRES_USER postgres -c 'create database $POSTGRES_DB'"
  su postgres -c "$bin/pg_ctl -w -D $data stop"
fi
exec su postgres -c "exec $bin/postgres -D $data -c listen_addresses=*"
"""
DOCKERFILES = {
    POSTGRES: "RUN apt-get update && apt-get install -y --no-install-recommends postgresql\n"
    'COPY start /start\nENV PATH=/usr/lib/postgresql/15/bin:$PATH\nENTRYPOINT ["sh", "/start"]\n',
    REDIS: "RUN apt-get update && apt-get install -y --no-install-recommends redis\n",
}


@contextlib.contextmanager
def daemon(folder: Path) -> Iterator[None]:
    """A daemon that answers: the machine's own, or one started here and ended again."""
    if _succeeds("docker", "info"):
        yield
        return
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        pytest.skip("no Docker daemon answers, none can be started (needs root and the package docker.io)")
    folder.mkdir(parents=True, exist_ok=True)
    roots = [f"--{name}-root={folder / name}" for name in ("data", "exec")]
    with (folder / "dockerd.log").open("wb") as log:
        started = subprocess.Popen(
            ["dockerd", *roots, f"--pidfile={folder / 'pid'}"],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
    try:
        wait_until(lambda: started.poll() is not None or _succeeds("docker", "info"), 60, 0.5)
        if started.poll() is not None:
            pytest.skip(f"dockerd ends at once here: {(folder / 'dockerd.log').read_text()[-300:]}")
        yield
    finally:
        started.terminate()
        started.wait(60)


def provide_images(folder: Path) -> None:
    """See that the base image, the database's and the broker's are there."""
    for image in (BASE, POSTGRES, REDIS):
        if not _succeeds("docker", "image", "inspect", image) and not _pulled(image):
            _stand_in(image, folder)


def _pulled(image: str) -> bool:
    try:
        return _succeeds("docker", "pull", "-q", image, timeout_s=PULL_S)
    except subprocess.TimeoutExpired:
        return False


def _stand_in(image: str, folder: Path) -> None:
    """Make an image that behaves as the named one, from Debian's packages."""
    if image == BASE:
        _import_debian(folder / "debian")
        return
    context = folder / image.replace(":", "-")
    context.mkdir(parents=True, exist_ok=True)
    (context / "start").write_text(START_POSTGRES)
    (context / "Dockerfile").write_text(f"FROM {BASE}\n{DOCKERFILES[image]}")
    run("docker", "build", "-q", "-t", image, str(context), timeout_s=BUILD_S)


def _import_debian(root: Path) -> None:
    if shutil.which("debootstrap") is None:
        pytest.skip(f"{BASE} cannot be pulled here, nor made (needs the package debootstrap)")
    run("debootstrap", "--variant=minbase", "bookworm", str(root), timeout_s=BUILD_S)
    # What this machine's network needs.
    for name in ("etc/apt/sources.list.d", "etc/apt/apt.conf.d", "usr/local/share/ca-certificates"):
        shutil.copytree(Path("/") / name, root / name, dirs_exist_ok=True)
    for path in (root / "etc/apt/sources.list.d").glob("*.list"):
        path.unlink()
    (root / CERTIFICATES).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(Path("/") / CERTIFICATES, root / CERTIFICATES)
    with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as packing:
        change = f"ENV SSL_CERT_FILE=/{CERTIFICATES}"
        subprocess.run(
            ["docker", "import", "--change", change, "-", BASE], stdin=packing.stdout, check=True, timeout=600
        )


def run(*command: str, timeout_s: float = 300, cwd: Path | None = None) -> str:
    """Run a command to its end and return what it printed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, cwd=cwd, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def _succeeds(*command: str, timeout_s: float = 30) -> bool:
    return subprocess.run(command, capture_output=True, timeout=timeout_s, check=False).returncode == 0
