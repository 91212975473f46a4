"""A small HTTP server that answers as Airflow's REST API does, from a script of states."""

from __future__ import annotations

import contextlib
import json
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "token-1"
PASSWORD = "correct"


def task(task_id: str, state: str | None, **others: Any) -> dict[str, Any]:
    """Return a task instance as the API shows it."""
    return {
        "task_id": task_id,
        "map_index": -1,
        "state": state,
        "try_number": 1,
        "start_date": "2026-11-23T09:00:00Z" if state else None,
        "end_date": "2026-11-23T09:00:02Z" if state in ("success", "failed") else None,
        "duration": 2.0 if state in ("success", "failed") else None,
        **others,
    }


@dataclass
class FakeRun:
    """A run whose state and tasks move on by one step each time its tasks are asked for."""

    dag_id: str
    run_id: str
    steps: list[list[dict[str, Any]]]
    end: str = "success"
    partition: str = "2026-10"
    queued_at: str = "2026-11-23T09:00:00Z"
    state: str = "running"
    took_s: float | None = None

    def shown(self) -> dict[str, Any]:
        return {
            "dag_id": self.dag_id,
            "dag_run_id": self.run_id,
            "partition_key": self.partition,
            "queued_at": self.queued_at,
            "start_date": self.queued_at,
            "duration": self.took_s,
            "state": self.state,
        }

    def next_tasks(self) -> list[dict[str, Any]]:
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if len(self.steps) == 1:
            self.state = self.end
        return [{"dag_id": self.dag_id, "dag_run_id": self.run_id, **one} for one in step]


@dataclass
class FakeAirflow:
    """What the server knows, and what it was asked."""

    dags: dict[str, dict[str, Any]] = field(default_factory=dict)
    runs: list[FakeRun] = field(default_factory=list)
    logs: dict[str, list[Any]] = field(default_factory=dict)
    import_errors: list[dict[str, Any]] = field(default_factory=list)
    health: dict[str, Any] = field(default_factory=dict)
    failures: deque[int] = field(default_factory=deque)
    triggered: list[dict[str, Any]] = field(default_factory=list)
    unpaused: list[str] = field(default_factory=list)
    logins: int = 0
    may_answer: threading.Event = field(default_factory=threading.Event)  # cleared: it keeps silent
    is_taken: bool = False  # the run that is asked for is there already

    def __enter__(self) -> Self:
        fake = self
        self.may_answer.set()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer("GET")

            def do_POST(self) -> None:
                self._answer("POST")

            def do_PATCH(self) -> None:
                self._answer("PATCH")

            def _answer(self, method: str) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
                fake.may_answer.wait()
                status, content = fake.answer(method, self.path, body, self.headers.get("Authorization"))
                payload = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # the client has not waited
                    self.wfile.write(payload)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.may_answer.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, method: str, address: str, body: Any, authorization: str | None) -> tuple[int, Any]:
        parts = urlsplit(address)
        path = [unquote(part) for part in parts.path.removeprefix("/api/v2").strip("/").split("/")]
        if path == ["auth", "token"]:
            self.logins += 1
            good = body == {"username": "admin", "password": PASSWORD}
            return (201, {"access_token": TOKEN}) if good else (401, {"detail": "Invalid credentials"})
        if path == ["monitor", "health"]:
            return 200, self.health
        if authorization != f"Bearer {TOKEN}":
            return 401, {"detail": "Not authenticated"}
        if self.failures:
            return self.failures.popleft(), {"detail": "out of order"}
        if path == ["importErrors"]:
            return 200, {"import_errors": self.import_errors}
        return self._dag(method, path[1:], body, parse_qs(parts.query))

    def _dag(self, method: str, path: list[str], body: Any, query: dict[str, list[str]]) -> tuple[int, Any]:
        match method, path:
            case "GET", [dag_id]:
                return (200, self.dags[dag_id]) if dag_id in self.dags else (404, {"detail": "not found"})
            case "PATCH", [dag_id]:
                self.unpaused.append(dag_id)
                return 200, {}
            case "POST", [dag_id, "dagRuns"]:
                self.triggered.append({"dag_id": dag_id, **body})
                if self.is_taken:
                    self.runs[0].run_id = body["dag_run_id"]
                    return 409, {"detail": "there already"}
                return 200, next(run for run in self.runs if run.dag_id == dag_id).shown()
            case "GET", [dag_id, "dagRuns"]:
                return 200, {"dag_runs": [run.shown() for run in self.runs if dag_id in ("~", run.dag_id)]}
            case "GET", [_, "dagRuns", run_id]:
                return 200, self._run(run_id).shown()
            case "GET", [_, "dagRuns", run_id, "taskInstances"]:
                return 200, {"task_instances": self._run(run_id).next_tasks()}
            case "GET", [_, "dagRuns", _, "taskInstances", task_id, "logs", _]:
                assert query["full_content"] == ["true"]
                return 200, {"content": self.logs.get(task_id, [])}
        return 404, {"detail": "no such route"}

    def _run(self, run_id: str) -> FakeRun:
        return next(run for run in self.runs if run.run_id == run_id)
