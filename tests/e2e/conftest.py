"""What the tests of the whole share: a run through the Makefile, and an embedded AWS with a dataset."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import library_run
import local_aws
import pytest
import served_api
from collector import Statsd
from local_aws import LocalAws
from served_api import ServedApi
from workshop import MINI, PARTITION, Workshop, opened

from idc.settings import settings
from idc.storage import ObjectStore
from stack import aws as stack_aws
from stack.settings import StackSettings


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """A home with ports of its own; whatever it runs is stopped at the end."""
    with opened(tmp_path_factory.mktemp("workshop")) as made:
        yield made


@pytest.fixture(scope="session")
def demo(workshop: Workshop) -> str:
    """What `make demo` printed for the small archive of real patches."""
    if not MINI.exists():
        pytest.skip("no archive of real patches (../shared/data/idc-mini.zip) on this machine")
    done = workshop.make("demo", f"ARCHIVE={MINI}", f"PARTITION={PARTITION}")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="session")
def statsd() -> Iterator[Statsd]:
    """A listener for Airflow's metrics."""
    listener = Statsd()
    yield listener
    listener.shutdown()
    listener.server_close()


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory, statsd: Statsd) -> Iterator[Workshop]:
    """A home whose Airflow has few DAGs: one that asks a person, and those two that monitoring is about.

    It sends its metrics to the listener.
    """
    dags, own = tmp_path_factory.mktemp("dags"), local_aws.REPOSITORY / "dags"
    shutil.copy(Path(__file__).with_name("approval_dag.py"), dags / "approval.py")
    for name in ("idc_monitor.py", "idc_train.py"):
        shutil.copy(own / name, dags)
    variables = {
        "HISTOFLOW_DAGS_FOLDER": str(dags),
        "HISTOFLOW_CAPTURE_PERCENT": "100",
        "AIRFLOW__METRICS__STATSD_ON": "True",
        "AIRFLOW__METRICS__STATSD_PORT": str(statsd.port),
    }
    with opened(tmp_path_factory.mktemp("house"), **variables) as made:
        up = made.make("up")
        assert up.returncode == 0, up.stdout[-4000:] + up.stderr[-2000:]
        yield made


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """An embedded AWS with the runtimes of the stack."""
    home = tmp_path_factory.mktemp("library")
    runtimes = stack_aws._write_runtimes(StackSettings(home=home, envs=local_aws.ENVIRONMENTS))
    port, s3_port = local_aws.free_ports()
    flags = ["--runtimes", str(runtimes), "--bucket", local_aws.BUCKET, "--role", local_aws.ROLE]
    started = LocalAws(home / "aws", port, s3_port, flags).up()
    yield started
    started.down()


@pytest.fixture(scope="module")
def store(aws: LocalAws) -> Iterator[ObjectStore]:
    """The bucket with a dataset of generated patches; everything else in this process is sent there too."""
    own = {"HISTOFLOW_BUCKET": local_aws.BUCKET, "HISTOFLOW_ROLE_ARN": local_aws.ROLE_ARN}
    with local_aws.everything_sent_to(aws, **own):
        settings.cache_clear()
        yield library_run.with_a_dataset()
    settings.cache_clear()


@pytest.fixture(scope="session")
def served(embedded_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedApi]:
    """The REST API's real process, in front of a registered model of generated tissue."""
    running = served_api.start(embedded_aws, tmp_path_factory.mktemp("served"))
    yield running
    running.down()
