"""Follows one partition through the chain of DAGs, and says all the way what happens."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from stack.console import say
from stack.errors import DemoFailed
from stack.joblogs import JobLogs, in_words
from stack.rest import AirflowApi

DAG_IDS = ("idc_ingest", "idc_convert", "idc_train", "idc_deploy")
POLL_S = 1.0
HEARTBEAT_S = 8.0
NEXT_RUN_S = 120.0
KNOWN_S = 120.0
LOG_LINES = 40

Run = Mapping[str, Any]
Task = Mapping[str, Any]


class Follower:
    """Prints the progress of runs, one line per change, and one now and then while nothing changes."""

    def __init__(self, api: AirflowApi, logs: JobLogs, timeout_s: float) -> None:
        """Begin to count the time."""
        self._api = api
        self._logs = logs
        self._timeout_s = timeout_s
        self._job = ""  # whose log lines were printed last
        self._started = self._said = self._changed = time.monotonic()

    def wait_until_known(self, dag_ids: Sequence[str]) -> None:
        """Wait until Airflow knows these DAGs, and let their runs start.

        Raises:
            DemoFailed: a DAG file does not load, or a DAG does not appear in time.
        """
        deadline = time.monotonic() + KNOWN_S
        for dag_id in dag_ids:
            while (dag := self._api.dag(dag_id)) is None or dag["is_stale"]:
                if errors := self._api.import_errors():
                    shown = "\n".join(f"{error['filename']}:\n{error['stack_trace']}" for error in errors)
                    raise DemoFailed(f"DAG files: {len(errors)} do not load, expected none.\n{shown}")
                if time.monotonic() > deadline:
                    raise DemoFailed(
                        f"DAG {dag_id}: not there after {KNOWN_S:.0f} s, expected in the DAGs folder. "
                        "See `make logs SERVICES=dag-processor`."
                    )
                self._pause("waiting for Airflow to read the DAG files")
            if dag["is_paused"]:
                self._api.unpause(dag_id)

    def follow(self, first_run: Run, dag_ids: Sequence[str]) -> None:
        """Wait for the end of the first DAG's run and of the runs it leads to in the others.

        Raises:
            DemoFailed: a task failed, with the end of its log; or the time is over.
        """
        self._watch(first_run)
        before = first_run
        for dag_id in dag_ids[1:]:
            before = self._next_run(dag_id, before)
            self._watch(before)

    def _next_run(self, dag_id: str, before: Run) -> Run:
        """Return the run of a DAG that the asset of the run before it starts."""
        deadline = time.monotonic() + NEXT_RUN_S
        earliest = datetime.fromisoformat(before["queued_at"])
        while time.monotonic() < deadline:
            for run in self._api.runs(dag_id):
                is_later = run["queued_at"] and datetime.fromisoformat(run["queued_at"]) > earliest
                if run["partition_key"] == before["partition_key"] and is_later:
                    return run
            self._pause(f"waiting for {dag_id} to start")
        raise DemoFailed(
            f"DAG {dag_id}: no run of partition {before['partition_key']} within {NEXT_RUN_S:.0f} s after "
            f"{before['dag_id']}, expected one. See `make logs SERVICES=scheduler`."
        )

    def _watch(self, run: Run) -> None:
        dag_id, run_id = run["dag_id"], run["dag_run_id"]
        job_prefix = f"{dag_id.replace('_', '-')}-{run['partition_key']}-"
        seen: dict[tuple[str, int], str] = {}
        self._say(f"{dag_id}: partition {run['partition_key']}")
        while True:
            state = self._api.run(dag_id, run_id)["state"]
            tasks = self._api.task_instances(dag_id, run_id)
            for task in sorted(tasks, key=lambda task: task["start_date"] or "9"):
                self._report(task, seen)
            self._say_log_lines(job_prefix)
            if failed := [task for task in tasks if task["state"] == "failed"]:
                raise DemoFailed(self._post_mortem(failed[0]))
            if state == "success":
                return
            if state == "failed":
                raise DemoFailed(f"DAG {dag_id}: run {run_id} failed, expected success. See the Airflow UI.")
            self._pause(self._waiting_for(dag_id, tasks))

    def _report(self, task: Task, seen: dict[tuple[str, int], str]) -> None:
        """Print a task's state if it is another than before, and one a person cares for."""
        key, state = (task["task_id"], task["map_index"]), task["state"]
        name = _task_name(task)
        before = seen.get(key)
        if state == before or state in (None, "scheduled", "queued", "restarting"):
            return
        if state == "running" and before == "deferred":
            return
        seen[key] = state
        if state == "deferred":
            self._say(f"  {name}: waits for its job")
        elif state == "up_for_retry":
            self._say(f"  {name}: attempt {task['try_number']} failed, will be tried again")
            for line in [line for line in self._api.log(task) if line.startswith("ERROR")][-3:]:
                self._say(f"      {line}")
        elif task["end_date"] and task["duration"] is not None:
            self._say(f"  {name}: {state} ({task['duration']:.1f} s)")
        else:
            self._say(f"  {name}: {state}")

    def _say_log_lines(self, job_prefix: str) -> None:
        for job, line in self._logs.new_lines(job_prefix):
            if job != self._job:
                self._job = job
                self._say(f"    job {job}")
            if line:
                self._say(f"    | {in_words(line)}")

    def _waiting_for(self, dag_id: str, tasks: Sequence[Task]) -> str:
        busy = [task for task in tasks if task["state"] in ("running", "deferred", "up_for_retry", "queued")]
        if not busy:
            return f"{dag_id}: waiting for the scheduler"
        names = ", ".join(f"{_task_name(task)} ({task['state']})" for task in busy)
        return f"{dag_id}: still at {names}"

    def _pause(self, doing: str) -> None:
        now = time.monotonic()
        if now - self._started > self._timeout_s:
            raise DemoFailed(
                f"pipeline: {doing} after {self._timeout_s:.0f} s, expected its end. Look at the Airflow UI, "
                "or allow more with HISTOFLOW_DEMO_TIMEOUT_S."
            )
        if now - self._said > HEARTBEAT_S:
            self._say(f"  … {doing}, {now - self._changed:.0f} s", is_change=False)
        time.sleep(POLL_S)

    def _post_mortem(self, task: Task) -> str:
        lines = self._api.log(task)[-LOG_LINES:]
        shown = "\n".join(f"  | {line}" for line in lines) or "  (its log is empty)"
        return (
            f"task {task['dag_id']}.{_task_name(task)}: failed in attempt {task['try_number']}, expected "
            f"success. The end of its log:\n{shown}"
        )

    def _say(self, line: str, *, is_change: bool = True) -> None:
        self._said = time.monotonic()
        if is_change:
            self._changed = self._said
        say(f"[{self._said - self._started:5.0f} s] {line}")


def _task_name(task: Task) -> str:
    index = f"[{task['map_index']}]" if task["map_index"] >= 0 else ""
    return f"{task['task_id']}{index}"
