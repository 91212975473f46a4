"""Follows one partition through the chain of DAGs, and shows all the way how far it has come."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from stack import estimate
from stack.display import Display
from stack.errors import DemoFailed, NoAnswer
from stack.joblogs import JobLogs
from stack.rest import AirflowApi

DAG_IDS = ("idc_ingest", "idc_convert", "idc_train", "idc_deploy")
POLL_S = 1.0
SIGN_OF_LIFE_S = 30.0
NEXT_RUN_S = 120.0
KNOWN_S = 120.0
LOG_LINES = 40
BUSY = ("running", "deferred", "up_for_retry")

_JOB_END = re.compile(r"-?[0-9a-f]{10}(-\d+)?$")  # a job's name ends in its digest and the attempt

Run = Mapping[str, Any]
Task = Mapping[str, Any]


class Follower:
    """Waits for the runs of a partition, and prints a line when a task ends or a job has moved on."""

    def __init__(
        self, api: AirflowApi, logs: JobLogs, display: Display, timeout_s: float, *, is_reused: bool = False
    ) -> None:
        """Follow on this display; `is_reused` says that an earlier run did the work, for the estimate."""
        self._api = api
        self._logs = logs
        self._display = display
        self._timeout_s = timeout_s
        self._is_reused = is_reused
        self._expected_s: dict[str, float] = {}  # of the DAGs that have not ended
        self._dag_id = ""
        self._dag_started = display.started
        self._waits_for = ""
        self._run: Run | None = None

    def wait_until_known(self, dag_ids: Sequence[str]) -> None:
        """Wait until Airflow knows these DAGs, and unpause them.

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
            DemoFailed: a task failed, with the end of its log; Airflow does not answer; or it takes too long.
        """
        run = self._run = first_run
        try:
            self._expected_s = estimate.expected_s(self._api, dag_ids, is_reused=self._is_reused)
            for number, dag_id in enumerate(dag_ids, start=1):
                self._begin(dag_id, number, len(dag_ids))
                if number > 1:
                    run = self._run = self._next_run(dag_id, run)
                self._watch(run)
                del self._expected_s[dag_id]
        except NoAnswer as error:
            raise DemoFailed(f"{error}\n{self._goes_on()}") from error

    def _begin(self, dag_id: str, number: int, stages: int) -> None:
        self._dag_id, self._dag_started = dag_id, time.monotonic()
        stage = dag_id.removeprefix("idc_")
        self._display.begin(stage, number, stages)
        left = estimate.in_words(sum(self._expected_s.values()))
        note = " (accuracy is on validation patients)" if stage == "train" else ""
        self._display.say(f"{number} of {stages} {stage}: {left}{note}")

    def _next_run(self, dag_id: str, before: Run) -> Run:
        """Return the run of a DAG that the asset of the run before it starts."""
        deadline = time.monotonic() + NEXT_RUN_S
        earliest = datetime.fromisoformat(before["queued_at"])
        while time.monotonic() < deadline:
            for run in self._api.runs(dag_id):
                is_later = run["queued_at"] and datetime.fromisoformat(run["queued_at"]) > earliest
                if run["partition_key"] == before["partition_key"] and is_later:
                    return run
            self._pause("waiting for the scheduler")
        raise DemoFailed(
            f"DAG {dag_id}: no run of partition {before['partition_key']} within {NEXT_RUN_S:.0f} s after "
            f"{before['dag_id']}, expected one. See `make logs SERVICES=scheduler`."
        )

    def _watch(self, run: Run) -> None:
        dag_id, run_id = run["dag_id"], run["dag_run_id"]
        job_prefix = f"{dag_id.replace('_', '-')}-{run['partition_key']}-"
        seen: dict[tuple[str, int], str] = {}
        while True:
            state = self._api.run(dag_id, run_id)["state"]
            tasks = self._api.task_instances(dag_id, run_id)
            busy = [_name(task) for task in tasks if task["state"] in BUSY]
            self._display.busy(busy, self._left())
            for job, step in self._logs.new_steps(job_prefix).items():
                self._display.move(_job_name(dag_id, job.removeprefix(job_prefix)), step)
            for task in sorted(tasks, key=lambda task: task["end_date"] or "9"):
                self._report(task, seen)
            if failed := [task for task in tasks if task["state"] == "failed"]:
                raise DemoFailed(self._post_mortem(failed[0]))
            if state == "success":
                return
            if state == "failed":
                raise DemoFailed(
                    f"DAG {dag_id}: run {run_id} failed, expected success. See {self._address()}."
                )
            self._pause(f"still at {', '.join(busy)}" if busy else "waiting for the scheduler")

    def _report(self, task: Task, seen: dict[tuple[str, int], str]) -> None:
        """Print a task's end or retry, once."""
        key, state = (task["task_id"], task["map_index"]), task["state"]
        if state == seen.get(key):
            return
        seen[key] = state
        name = _name(task)
        if state == "up_for_retry":
            self._display.say(f"{name}: attempt {task['try_number']} failed, will be tried again")
            for line in [line for line in self._api.log(task) if line.startswith("ERROR")][-3:]:
                self._display.say(f"  {line}")
        elif task["end_date"] and state not in BUSY:
            took = "" if task["duration"] is None else f", {task['duration']:.0f} s"
            step = self._display.steps.get(name)
            done = f"done{took}{f', {step.result}' if step else ''}"
            self._display.say(f"{name}: {done if state == 'success' else state}")

    def _left(self) -> str:
        """Return in words how long the rest of the pipeline takes."""
        later_s = sum(seconds for dag_id, seconds in self._expected_s.items() if dag_id != self._dag_id)
        here_s = self._display.left_s()
        if here_s is None:
            here_s = self._expected_s[self._dag_id] - (time.monotonic() - self._dag_started)
        return estimate.in_words(max(0.0, here_s) + later_s)

    def _pause(self, doing: str) -> None:
        """Wait a moment; say now and then what for, but only once that the scheduler is awaited."""
        now = time.monotonic()
        if now - self._display.started > self._timeout_s:
            raise DemoFailed(
                f"pipeline: {doing} after {self._timeout_s:.0f} s, expected its end. {self._goes_on()} "
                "Allow more time with HISTOFLOW_DEMO_TIMEOUT_S."
            )
        is_due = now - self._display.said_at > SIGN_OF_LIFE_S and not self._display.is_live
        if is_due and (doing != self._waits_for or not doing.startswith("waiting")):
            self._display.say(f"{doing}, {self._left()}" if self._dag_id else doing)
            self._waits_for = doing
        time.sleep(POLL_S)

    def _goes_on(self) -> str:
        """Return where a run that is no longer followed is to be seen."""
        if self._run is None:
            return "Nothing was started in Airflow yet: `make status` shows the services."
        return (
            f"The run goes on in Airflow: see {self._address()} or `make status`. "
            "Run `make demo` again to follow it; what is done is not done again."
        )

    def _address(self) -> str:
        run = self._run or {}
        return f"{self._api.url}/dags/{run.get('dag_id')}/runs/{run.get('dag_run_id')}"

    def _post_mortem(self, task: Task) -> str:
        lines = self._api.log(task)[-LOG_LINES:]
        shown = "\n".join(f"  | {line}" for line in lines) or "  (its log is empty)"
        return (
            f"task {task['dag_id']}.{_name(task)}: failed in attempt {task['try_number']}, expected "
            f"success. The end of its log:\n{shown}"
        )


def _name(task: Task) -> str:
    """Return a task's name, with its variant if it has one for each."""
    if task["map_index"] < 0:
        return str(task["task_id"])
    return f"{task['task_id']} {task.get('rendered_map_index') or task['map_index'] + 1}"


def _job_name(dag_id: str, rest: str) -> str:
    """Return the name of the task that a job belongs to, from what follows the partition in its name."""
    return f"{dag_id.removeprefix('idc_')} {_JOB_END.sub('', rest)}".strip()
