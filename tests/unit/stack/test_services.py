"""The real services, started, killed, started again and stopped: about two minutes on two cores."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from local_aws import kill

from embedded_aws.supervision import ports
from stack import prediction_api, services
from stack.clients import connect
from stack.environments import interpreter
from stack.errors import PortTaken
from stack.settings import Service, StackSettings


@pytest.fixture
def stack(settings: StackSettings, tmp_path: Path) -> Iterator[StackSettings]:
    for name in ("airflow", "embedded-aws", "serving"):
        if not interpreter(name, settings.envs).exists():
            pytest.skip(f"the environment {name} is not built: run make test")
    for folder in ("dags", "plugins"):
        (tmp_path / folder).mkdir()
    mine = settings.model_copy(
        update={"dags_folder": tmp_path / "dags", "plugins_folder": tmp_path / "plugins"}
    )
    yield mine
    services.down(mine)


def of(settings: StackSettings) -> list[psutil.Process]:
    """Every process with a path of this stack in its environment."""
    found = []
    for process in psutil.process_iter():
        try:
            values = process.environ().values()
        except (psutil.Error, OSError):
            continue
        folders = (settings.airflow_home, settings.aws_home, settings.api_home)
        homes = {str(folder.resolve()) for folder in folders}
        if process.pid != psutil.Process().pid and homes & set(values):
            found.append(process)
    return found


def listening_addresses(running: list[psutil.Process]) -> set[str]:
    pids = {process.pid for process in running}
    connections = psutil.net_connections("inet")
    return {c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN and c.pid in pids and c.laddr}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_state_survives_a_kill_of_everything(
    stack: StackSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    services.up(stack)
    first = capsys.readouterr().out
    assert first.count("shown once") == 1
    assert listening_addresses(of(stack)) == {"127.0.0.1"}

    with services.api(stack) as api:
        api._request("POST", "/variables", json={"key": "kept", "value": "yes"})
    aws = connect(stack)
    aws.s3.put_object(Bucket=stack.bucket, Key="kept", Body=b"yes")

    key = prediction_api.key_file(stack).read_text()

    running = of(stack)
    services.up(stack)
    assert {process.pid for process in running} <= {process.pid for process in of(stack)}
    assert "shown once" not in capsys.readouterr().out

    kill(of(stack))
    psutil.wait_procs(running, timeout=10)
    services.up(stack)

    with services.api(stack) as api:
        assert api._request("GET", "/variables/kept").json()["value"] == "yes"
    assert prediction_api.key_file(stack).read_text() == key
    assert aws.read_text("kept") == "yes"

    services.down(stack)
    assert of(stack) == []
    own = (stack.airflow_port, stack.aws_port, stack.s3_port, stack.api_port)
    assert all(ports.is_free(port) for port in own)


@pytest.mark.parametrize("port", ["airflow_port", "aws_port", "s3_port", "api_port"])
def test_a_taken_port_stops_the_start(stack: StackSettings, port: str) -> None:
    services_of: dict[str, Service] = {"airflow_port": "airflow", "api_port": "api"}
    message = f"set HISTOFLOW_{port.upper()} to another port"
    with (
        socket.create_server(("127.0.0.1", getattr(stack, port))),
        pytest.raises(PortTaken, match=message),
    ):
        services.up(stack, [services_of.get(port, "aws")])
