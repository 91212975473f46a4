"""Write flowcharts in Mermaid's notation (https://mermaid.js.org/syntax/flowchart.html)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_SHAPES = {"asset": ("([", "])")}  # an asset is a stadium, everything else a box


@dataclass(frozen=True)
class Node:
    """A box: a title, a line below it, and a kind, which decides its shape."""

    id: str
    title: str
    subtitle: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Edge:
    """An arrow from a node to another, by their ids."""

    source: str
    target: str
    label: str = ""


def flowchart(title: str, nodes: Sequence[Node], edges: Sequence[Edge]) -> str:
    """Return a Markdown block with the graph; a screen reader reads `title`.

    It reads from left to right, or from top to bottom where it would be wider than a page.
    """
    names = {node.id: f"n{number}" for number, node in enumerate(nodes)}  # an id may be a reserved word
    lines = [f"flowchart {'LR' if len(nodes) <= 4 else 'TD'}", f"  accTitle: {title}"]
    for node in nodes:
        opening, closing = _SHAPES.get(node.kind, ("[", "]"))
        text = "<br>".join(map(_escaped, filter(None, (node.title, node.subtitle))))
        lines.append(f'  {names[node.id]}{opening}"{text}"{closing}')
    for edge in edges:
        label = f'|"{_escaped(edge.label)}"|' if edge.label else ""
        lines.append(f"  {names[edge.source]} -->{label} {names[edge.target]}")
    return "\n".join(["```mermaid", *lines, "```"])


def _escaped(text: str) -> str:
    return text.replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
