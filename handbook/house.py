"""The drawing of the house: its parts and who imports whom, from the imports in the files."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from handbook.diagrams import Edge, Node, flowchart
from handbook.markdown import ROOT, table

_PARTS = {
    "dags": "dags",
    "plugins": "plugins/histoflow",
    "idc": "include/idc",
    "embedded_aws": "include/embedded_aws",
    "stack": "include/stack",
    "training_scripts": "training_scripts",
}
_PACKAGES = {"histoflow": "plugins", "idc": "idc", "embedded_aws": "embedded_aws", "stack": "stack"}


def pages() -> dict[str, str]:
    """Return the page of the house."""
    from handbook.dags import chain

    imports = {part: set(_imported(part)) for part in _PARTS}
    nodes = [Node(part, folder, f"{len(_files(part))} modules") for part, folder in _PARTS.items()]
    edges = [Edge(part, target) for part, targets in imports.items() for target in sorted(targets)]
    rows = [
        (
            f"`{folder}`",
            _about(part),
            ", ".join(f"`{_PARTS[target]}`" for target in sorted(imports[part])) or "none",
        )
        for part, folder in _PARTS.items()
    ]
    parts = (
        "# The house",
        "Drawn from the code at each build: an arrow means *imports*. All point one way; a test keeps it so.",
        flowchart("Which part imports which", nodes, edges),
        table(("part", "is", "imports of ours"), rows),
        "## How the DAGs are joined",
        "By assets alone. Each asset event names its partition.",
        chain(),
    )
    return {"reference/house.md": "\n\n".join(parts)}


def _files(part: str) -> list[Path]:
    return sorted((ROOT / _PARTS[part]).rglob("*.py"))


def _imported(part: str) -> Iterator[str]:
    for path in _files(part):
        for node in ast.walk(ast.parse(path.read_bytes())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                target = _PACKAGES.get(name.partition(".")[0])
                if target and target != part:
                    yield target


def _about(part: str) -> str:
    return {
        "dags": "one DAG a file: declares and wires",
        "plugins": "operators, triggers, hooks and pages: everything that knows Airflow",
        "idc": "the library, from data set to REST API. Knows nothing of Airflow",
        "embedded_aws": "the embedded AWS. Knows nothing of this project",
        "stack": "sets up environments, runs the services, `make demo`",
        "training_scripts": "what runs inside a SageMaker container",
    }[part]
