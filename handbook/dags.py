"""The pages of the DAGs: documentation, schedule, form, tasks and assets, as Airflow reads them."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from typing import Any

from handbook.diagrams import Edge, Node, flowchart
from handbook.markdown import ROOT, code, first_sentence, table

_FACTS = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "enum",
    "pattern",
    "minItems",
    "maxItems",
)
_SIGNS = {"minimum": "≥", "maximum": "≤", "exclusiveMinimum": ">", "exclusiveMaximum": "<"}


def pages() -> dict[str, str]:
    """Return a page per DAG, and one about how they are joined."""
    dags = read()
    found = {f"reference/dags/{dag_id}.md": _page(dag) for dag_id, dag in dags.items()}
    return {"reference/dags/index.md": _overview(dags), **found}


@cache
def read() -> dict[str, Any]:
    """Return the DAGs by id, in the order of their names in the UI.

    Raises:
        RuntimeError: a DAG file cannot be read.
    """
    if "AIRFLOW_HOME" not in os.environ:  # Airflow writes its configuration there when it is first imported
        os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="handbook-airflow-")
        atexit.register(shutil.rmtree, os.environ["AIRFLOW_HOME"], ignore_errors=True)
    with contextlib.redirect_stdout(sys.stderr):
        from airflow.dag_processing.dagbag import DagBag

        bag = DagBag(dag_folder=ROOT / "dags")
    if bag.import_errors:
        raise RuntimeError(f"DAGs: {bag.import_errors}, expected none. Mend them.")
    return dict(sorted(bag.dags.items(), key=lambda entry: str(entry[1].dag_display_name)))


def _overview(dags: dict[str, Any]) -> str:
    rows = [(f"[`{dag_id}`]({dag_id}.md)", dag.description, _schedule(dag)) for dag_id, dag in dags.items()]
    parts = (
        "# The DAGs",
        (
            "Each is a file in `dags/` that declares and wires only; these pages are made from what Airflow "
            "reads there. Arrows are assets, partitioned by month: when one is updated, the next DAG runs."
        ),
        chain(),
        table(("DAG", "what", "runs"), rows),
    )
    return "\n\n".join(parts)


def chain() -> str:
    """Return a flowchart of the DAGs and the assets that join them."""
    dags = read()
    made = {asset.name for dag in dags.values() for task in dag.tasks for asset in task.outlets}
    edges = [
        Edge(maker, taker, asset)
        for taker, dag in dags.items()
        for asset in _awaited(dag)
        for maker in _makers(asset)
    ]
    nodes = [Node(dag_id, dag_id, str(dag.description)) for dag_id, dag in dags.items()]
    for asset in sorted(made - {edge.label for edge in edges}):
        nodes.append(Node(asset, asset, "asset", "asset"))
        edges += [Edge(maker, asset) for maker in _makers(asset)]
    return flowchart("DAGs and the assets that join them", nodes, edges)


def _makers(asset: str) -> list[str]:
    return [
        dag_id
        for dag_id, dag in read().items()
        if any(asset == out.name for task in dag.tasks for out in task.outlets)
    ]


def _page(dag: Any) -> str:
    title, _, text = dag.doc_md.strip().partition("\n")
    tasks = dag.topological_sort()
    parts = [
        f"# {dag.dag_id}",
        f"**{title.lstrip('# ')}.** In the UI: *{dag.dag_display_name}*. {_schedule(dag)}.",
        _graph(dag),
        text.strip(),
        "## Trigger form",
        table(("field", "takes", "default", "meaning"), list(_parameters(dag)))
        if dag.params
        else "It has none.",
        "## Tasks",
        table(("task", "does", "updates", "retries"), [_task(task) for task in tasks]),
        (
            f"Tags: {', '.join(map(code, sorted(dag.tags)))}. Runs at a time: {dag.max_active_runs}. "
            f"Source: `dags/{os.path.basename(dag.fileloc)}`."
        ),
    ]
    return "\n\n".join(parts)


def _graph(dag: Any) -> str:
    nodes = [Node(task.task_id, task.task_id, _operator(task)) for task in dag.topological_sort()]
    nodes += [
        Node(f"asset {asset.name}", asset.name, "asset", "asset")
        for asset in {asset.name: asset for task in dag.tasks for asset in task.outlets}.values()
    ]
    edges = [Edge(task.task_id, below) for task in dag.tasks for below in sorted(task.downstream_task_ids)]
    edges += [Edge(task.task_id, f"asset {asset.name}") for task in dag.tasks for asset in task.outlets]
    return flowchart(f"Tasks of {dag.dag_id}", nodes, edges)


def _task(task: Any) -> tuple[str, ...]:
    assets = ", ".join(code(asset.name) for asset in task.outlets)
    return code(task.task_id), first_sentence(task.doc_md), assets, str(task.retries)


def _operator(task: Any) -> str:
    name = str(getattr(task, "_task_type", None) or task.task_type)
    return {"_PythonDecoratedOperator": "@task"}.get(
        name, name.removeprefix("_").removesuffix("DecoratedOperator")
    )


def _parameters(dag: Any) -> Iterator[tuple[str, ...]]:
    for name in dag.params:
        param = dag.params.get_param(name)
        kinds = param.schema.get("type", "string")
        shown = [kind for kind in ([kinds] if isinstance(kinds, str) else kinds) if kind != "null"]
        limits = [_limit(fact, param.schema[fact]) for fact in _FACTS if fact in param.schema]
        default = "" if param.value is None else code(json.dumps(param.value))
        meaning = f"**{param.schema.get('title', name)}.** {param.description or ''}"
        yield code(name), ", ".join([*shown, *limits]), default, meaning


def _limit(fact: str, value: Any) -> str:
    if fact == "enum":
        return ", ".join(code(choice) for choice in value if choice is not None)
    if fact in _SIGNS:
        return f"{_SIGNS[fact]} {value}"
    return f"`{value}`" if fact == "pattern" else f"{fact} {value}"


def _schedule(dag: Any) -> str:
    if awaited := _awaited(dag):
        return f"Runs when {' or '.join(map(code, awaited))} is updated, for the same partition"
    expression = getattr(dag.timetable, "_expression", None) or getattr(dag.timetable, "expression", None)
    if expression:
        unit = {"%Y-%m": "month", "%Y-%m-%d": "day"}[dag.timetable.key_format]
        whose = f"the {unit} before" if dag.timetable.run_offset else f"that {unit}"
        return f"Runs by the clock, {code(expression)} UTC, for the partition of {whose}"
    return "Runs when triggered by hand"


def _awaited(dag: Any) -> list[str]:
    condition = getattr(dag.timetable, "asset_condition", None)
    if condition is None:
        return []
    return sorted(_names(condition))


def _names(condition: Any) -> Iterator[str]:
    """Yield the assets' names in a condition, which is an asset or joins several."""
    for part in getattr(condition, "objects", ()):
        yield from _names(part)
    if not hasattr(condition, "objects"):
        yield condition.name
