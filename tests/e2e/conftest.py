"""One real run of the pipeline through the Makefile, shared by the tests of it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import local_aws
import pytest
from workshop import MINI, PARTITION, Workshop


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """A home with ports of its own; whatever it runs is stopped at the end."""
    aws_port, s3_port = local_aws.free_ports()
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    made = Workshop(
        {
            **kept,
            "HISTOFLOW_HOME": str(tmp_path_factory.mktemp("workshop")),
            "HISTOFLOW_ENVS": str(local_aws.ENVIRONMENTS),
            "HISTOFLOW_AWS_PORT": str(aws_port),
            "HISTOFLOW_S3_PORT": str(s3_port),
            "HISTOFLOW_AIRFLOW_PORT": str(aws_port + 2),
        }
    )
    yield made
    made.make("down")
    for process in made.processes():
        process.kill()


@pytest.fixture(scope="session")
def demo(workshop: Workshop) -> str:
    """What `make demo` printed for the small archive of real patches."""
    if not MINI.exists():
        pytest.skip("no archive of real patches (../shared/data/idc-mini.zip) on this machine")
    done = workshop.make("demo", f"ARCHIVE={MINI}", f"PARTITION={PARTITION}")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    return done.stdout
