"""docker-compose.yaml, built and run: up, the pipeline on real patches, a worker killed, down, up again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from docker_engine import BUILD_S, daemon, provide_images, run
from local_aws import REPOSITORY, free_ports, wait_until
from workshop import MINI, PARTITION

from stack import compose_env
from stack.chain import DAG_IDS
from stack.rest import AirflowApi

pytestmark = [pytest.mark.slow, pytest.mark.compose, pytest.mark.timeout(5400)]

PROJECT = "histoflow-test"
HEALTHY_S, RUN_S = 900, 2400


@dataclass
class Composition:
    """A project of docker compose with an environment file of its own."""

    env_file: Path
    command: tuple[str, ...]

    @property
    def values(self) -> dict[str, str]:
        lines = [line for line in self.env_file.read_text().splitlines() if line and line[0] != "#"]
        return dict(line.split("=", 1) for line in lines)

    def compose(self, *arguments: str, timeout_s: float = 600) -> str:
        options = ("--project-name", PROJECT, "--env-file", str(self.env_file))
        return run(*self.command, *options, *arguments, timeout_s=timeout_s, cwd=REPOSITORY)

    def containers(self, service: str) -> list[str]:
        return self.compose("ps", "-q", service).split()

    def health(self) -> dict[str, str]:
        """The health of every container, by its name."""
        form = "{{.Name}} {{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}}"
        lines = run("docker", "inspect", "--format", form, *self.compose("ps", "-q").split()).splitlines()
        return {name.lstrip("/"): state for name, state in (line.split(" ", 1) for line in lines)}

    def airflow(self) -> AirflowApi:
        values = self.values
        url = f"http://127.0.0.1:{values['AIRFLOW_PORT']}"
        return AirflowApi(url, values["AIRFLOW_ADMIN_USER"], values["AIRFLOW_ADMIN_PASSWORD"])


@pytest.fixture(scope="module")
def composition(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composition]:
    """Everything built and up, with two workers."""
    if not MINI.exists():
        pytest.skip("no archive of real patches (../shared/data/idc-mini.zip) on this machine")
    if shutil.which("docker") is None:
        pytest.skip("no Docker on this machine")
    folder = tmp_path_factory.mktemp("compose")
    port, api_port = free_ports()
    env_file = folder / "env"
    text = compose_env.filled((REPOSITORY / ".env.example").read_text())
    env_file.write_text(text + f"AIRFLOW_PORT={port}\nAPI_PORT={api_port}\nWORKERS=2\n")
    with daemon(folder / "docker"):
        made = Composition(env_file, _compose_command())
        provide_images(folder)
        made.compose("build", timeout_s=BUILD_S)
        try:
            made.compose("up", "-d", timeout_s=HEALTHY_S)
            yield made
        finally:
            made.compose("down", "--volumes", "--timeout", "20")


def test_everything_becomes_healthy(composition: Composition) -> None:
    wait_until(lambda: _is_healthy(composition.health()), HEALTHY_S, 2)

    assert len(composition.containers("worker")) == 2


def test_the_pipeline_survives_a_killed_worker(composition: Composition) -> None:
    scheduler = composition.containers("scheduler")[0]
    run("docker", "cp", str(MINI), f"{scheduler}:/var/lib/histoflow/idc-mini.zip")
    with composition.airflow() as airflow:
        wait_until(lambda: all(_is_ready(airflow.dag(dag_id)) for dag_id in DAG_IDS), 300, 2)
        airflow.trigger(DAG_IDS[0], PARTITION, {"archive": "/var/lib/histoflow/idc-mini.zip"})
        wait_until(lambda: _state(airflow, "idc_convert") == "running", RUN_S, 0.5)
        run("docker", "kill", "--signal", "KILL", composition.containers("worker")[0])
        for dag_id in DAG_IDS:
            ended = wait_until(lambda one=dag_id: _ended(airflow, one), RUN_S, 2)  # type: ignore[misc]
            assert ended == "success", dag_id


def test_the_api_answers_for_the_deployed_model(composition: Composition) -> None:
    answer = httpx.get(f"http://127.0.0.1:{composition.values['API_PORT']}/readyz", timeout=30)

    assert answer.status_code == httpx.codes.OK, answer.text


def test_everything_is_there_again_after_down_and_up(composition: Composition) -> None:
    with composition.airflow() as airflow:
        wait_until(lambda: _ended(airflow, "idc_history"), 600, 2)
        before = {run["dag_run_id"]: run["state"] for run in airflow.runs(limit=100)}

    composition.compose("down", "--timeout", "20")
    assert composition.compose("ps", "-q").split() == []
    composition.compose("up", "-d", timeout_s=HEALTHY_S)
    wait_until(lambda: _is_healthy(composition.health()), HEALTHY_S, 2)

    with composition.airflow() as airflow:
        after = {run["dag_run_id"]: run["state"] for run in airflow.runs(limit=100)}
    assert set(before.values()) == {"success"}
    assert after.items() >= before.items()
    ready = f"http://127.0.0.1:{composition.values['API_PORT']}/readyz"
    wait_until(lambda: httpx.get(ready, timeout=30).is_success, 120, 2)


def _compose_command() -> tuple[str, ...]:
    if shutil.which("docker-compose"):
        return ("docker-compose",)
    run("docker", "compose", "version")
    return ("docker", "compose")


def _is_healthy(states: dict[str, str]) -> bool:
    """Whether each runs in health, but for the one that has done its work."""
    failed = {
        name: state for name, state in states.items() if state.startswith("exited") and "init" not in name
    }
    assert not failed, failed
    return all(state.startswith("exited") or state == "running healthy" for state in states.values())


def _is_ready(dag: dict[str, Any] | None) -> bool:
    return dag is not None and not dag["is_stale"]


def _state(airflow: AirflowApi, dag_id: str) -> str:
    """The state of the partition's newest run, empty before there is one."""
    own = [run for run in airflow.runs(dag_id) if run["partition_key"] == PARTITION]
    return str(own[0]["state"]) if own else ""


def _ended(airflow: AirflowApi, dag_id: str) -> str:
    state = _state(airflow, dag_id)
    return state if state in ("success", "failed") else ""
