"""Airflow's REST API, as far as the stack and the demo call it.

Paths and fields: https://airflow.apache.org/docs/apache-airflow/stable/stable-rest-api-ref.html
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from stack.errors import NoAnswer, ServiceFailed

HEALTHY_PARTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")
PATIENCE_S = 60.0
TIMEOUT_S = 30.0  # of one request


class AirflowApi:
    """A client that logs in by itself and waits for an API server that is being restarted."""

    def __init__(self, url: str, user: str, password: str, patience_s: float = PATIENCE_S) -> None:
        """Remember where and who; nothing is sent yet."""
        self.url = url
        self._client = httpx.Client(base_url=url, timeout=TIMEOUT_S, trust_env=False)
        self._login = {"username": user, "password": password}
        self._patience_s = patience_s

    def __enter__(self) -> Self:
        """Return the client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self._client.close()

    def unhealthy_parts(self) -> list[str]:
        """Return the parts of Airflow that do not report health now; all of them if nobody answers."""
        try:
            answer = self._client.get("/api/v2/monitor/health", timeout=5)
            answer.raise_for_status()
            health = answer.json()
        except (httpx.HTTPError, ValueError):
            return ["api-server"]
        return [part for part in HEALTHY_PARTS if (health.get(part) or {}).get("status") != "healthy"]

    def dag(self, dag_id: str) -> dict[str, Any] | None:
        """Return a DAG, or None if Airflow does not know it."""
        answer = self._request("GET", f"/dags/{dag_id}")
        return None if answer.status_code == httpx.codes.NOT_FOUND else _json(answer)

    def import_errors(self) -> list[dict[str, Any]]:
        """Return the DAG files that do not load, each with `filename` and `stack_trace`."""
        return list(_json(self._request("GET", "/importErrors"))["import_errors"])

    def unpause(self, dag_id: str) -> None:
        """Let a DAG's runs start."""
        _json(self._request("PATCH", f"/dags/{dag_id}", json={"is_paused": False}))

    def ensure_pool(self, name: str, slots: int, description: str) -> None:
        """Make a pool, or give it this number of slots; deferred tasks keep theirs."""
        body = {"name": name, "slots": slots, "description": description, "include_deferred": True}
        known = self._request("GET", f"/pools/{name}")
        if known.status_code == httpx.codes.NOT_FOUND:
            self._create("/pools", body, f"/pools/{name}")
        elif _json(known)["slots"] != slots:
            _json(self._request("PATCH", f"/pools/{name}", json=body))

    def trigger(self, dag_id: str, partition: str, conf: Mapping[str, object]) -> dict[str, Any]:
        """Start a run of one partition and return it."""
        run_id = f"manual__{datetime.now(UTC).isoformat()}_{secrets.token_hex(4)}"
        body = {"dag_run_id": run_id, "logical_date": None, "partition_key": partition, "conf": dict(conf)}
        path = f"/dags/{dag_id}/dagRuns"
        return self._create(path, body, f"{path}/{quote(run_id)}")

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Return one run."""
        return _json(self._request("GET", f"/dags/{dag_id}/dagRuns/{run_id}"))

    def runs(self, dag_id: str = "~", limit: int = 20) -> list[dict[str, Any]]:
        """Return the newest runs of a DAG, or of all."""
        query = {"order_by": "-run_after", "limit": limit}
        return list(_json(self._request("GET", f"/dags/{dag_id}/dagRuns", params=query))["dag_runs"])

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return the task instances of a run."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        return list(_json(self._request("GET", path, params={"limit": 200}))["task_instances"])

    def log(self, task: Mapping[str, Any]) -> list[str]:
        """Return the lines of the log of a task instance's latest try."""
        path = (
            f"/dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}"
            f"/logs/{max(1, task['try_number'])}"
        )
        query = {"full_content": "true", "map_index": task["map_index"]}
        content = _json(self._request("GET", path, params=query))["content"]
        return [line for entry in content for line in _log_lines(entry)]

    def _create(self, path: str, body: Mapping[str, Any], made: str) -> dict[str, Any]:
        """Make something that has a name: it is safe to ask twice, because the second one is refused."""
        answer = self._request("POST", path, json=body)
        return _json(self._request("GET", made) if answer.status_code == httpx.codes.CONFLICT else answer)

    def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request; log in when told to, and ask again while the server fails or does not answer.

        Airflow on SQLite fails while a task that starts holds the database.

        Raises:
            NoAnswer: there was no good answer within the client's patience.
        """
        deadline = time.monotonic() + self._patience_s
        while True:
            try:
                answer = self._client.request(method, f"/api/v2{path}", **options)
                if answer.status_code == httpx.codes.UNAUTHORIZED:
                    self._log_in()
                    answer = self._client.request(method, f"/api/v2{path}", **options)
                if not answer.is_server_error:
                    return answer
                problem = f"answered {answer.status_code} {answer.text[:200]}"
            except httpx.TimeoutException:
                problem = f"no answer to {method} {path} (time-out)"
            except httpx.TransportError as error:
                problem = repr(error)
            if time.monotonic() > deadline:
                raise NoAnswer(
                    f"Airflow {self.url}: {problem}, expected an answer within {self._patience_s:.0f} s. "
                    "See `make status` and `make logs`."
                )
            time.sleep(1)

    def _log_in(self) -> None:
        answer = self._client.post("/auth/token", json=self._login)
        self._client.headers["Authorization"] = f"Bearer {_json(answer)['access_token']}"


def _json(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        raise ServiceFailed(
            f"Airflow {answer.request.method} {answer.request.url.path}: answered {answer.status_code} "
            f"{answer.text[:500]}, expected success."
        )
    result: dict[str, Any] = answer.json()
    return result


def _log_lines(entry: Any) -> list[str]:
    """Return an entry of a structured log as lines, without Airflow's own frames, folds and file names."""
    if isinstance(entry, str):
        return entry.splitlines()
    event = str(entry.get("event", ""))
    is_message = "timestamp" in entry and "::group::" not in event and "::endgroup::" not in event
    lines = [f"{str(entry.get('level', '')).upper()} {event}".strip()] if is_message else []
    for error in entry.get("error_detail") or []:
        for frame in error.get("frames") or []:
            if "site-packages" not in str(frame.get("filename")):
                lines.append(f"  {frame.get('filename')}:{frame.get('lineno')} in {frame.get('name')}")
        lines.append(f"ERROR {error.get('exc_type')}: {error.get('exc_value')}")
    return lines
