"""Measure the seconds that each DAG file adds to parsing an empty DAG, in a new interpreter each time.

The empty DAG is what Airflow itself costs: its SDK, its timetables and one task. The figures are processor
time, because a shared machine's wall clock tells of its neighbours; the median of several readings counts.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from measuring import show, verdict

ROOT = Path(__file__).resolve().parents[1]
READINGS, TARGET_S = 3, 0.5
EMPTY = """
from airflow.sdk import PartitionedAtRuntime, dag, task

@dag(dag_id="empty", schedule=PartitionedAtRuntime(), catchup=False)
def empty() -> None:
    @task
    def nothing() -> None: ...

    nothing()

empty()
"""
READ = """
import runpy, sys, time
began = time.process_time()
runpy.run_path(sys.argv[1])
print(time.process_time() - began)
"""


def reading(path: Path) -> float:
    """Return the seconds that reading a file takes, with all that it imports."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("HISTOFLOW_")}
    run = subprocess.run(
        [sys.executable, "-c", READ, str(path)],
        env={**variables, "PYTHONPATH": f"{ROOT / 'include'}:{ROOT / 'plugins'}"},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(run.stdout.splitlines()[-1])


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        empty = Path(directory) / "empty.py"
        empty.write_text(EMPTY)
        files = sorted((ROOT / "dags").glob("*.py"))
        seconds: dict[Path, list[float]] = {path: [] for path in (empty, *files)}
        for _ in range(READINGS):  # in turn, so that no file has the quiet moments to itself
            for path, found in seconds.items():
                found.append(reading(path))
    base = statistics.median(seconds.pop(empty))
    added = {path.stem: statistics.median(found) - base for path, found in seconds.items()}
    show(
        "Reading a DAG file",
        ("file", "s", "s over an empty DAG"),
        [
            ("empty", f"{base:.2f}", ""),
            *((name, f"{base + more:.2f}", f"{more:.2f}") for name, more in added.items()),
        ],
    )
    verdict(f"every file adds less than {TARGET_S} s", max(added.values()) < TARGET_S)


if __name__ == "__main__":
    main()
