"""Small graphs as SVG, in the colours of the page they stand on (`docs/assets/site.css`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_CHAR, _LINE, _PAD = 7.4, 18, 14  # width of a character, height of a line and space around text, in pixels
_GAP, _ROW_GAP = 36, 22


@dataclass(frozen=True)
class Node:
    """A box: a title, a line below it, and a class for its colour."""

    id: str
    title: str
    subtitle: str = ""
    kind: str = "plain"

    @property
    def width(self) -> float:
        """Pixels the box takes."""
        return max(len(self.title) * _CHAR, len(self.subtitle) * _CHAR * 0.85) + 2 * _PAD

    @property
    def height(self) -> float:
        """Pixels the box takes."""
        return _LINE * (2 if self.subtitle else 1) + _PAD


@dataclass(frozen=True)
class Edge:
    """An arrow from a node to another, by their ids."""

    source: str
    target: str
    label: str = ""
    is_dashed: bool = False


@dataclass(frozen=True)
class _Box:
    node: Node
    x: float
    y: float


def draw(title: str, nodes: Sequence[Node], edges: Sequence[Edge]) -> str:
    """Return an SVG of the graph, laid out from left to right; `title` is what a screen reader says.

    The graph has no cycle.
    """
    boxes = _laid_out(nodes, edges)
    width = max(box.x + box.node.width for box in boxes.values()) + 2
    height = max(box.y + box.node.height for box in boxes.values()) + 2
    lines = [_edge(boxes[edge.source], boxes[edge.target], edge) for edge in edges]
    drawn = [_box(box) for box in boxes.values()]
    return (
        f'<svg class="drawing" role="img" aria-label="{escape(title)}" style="max-width:{width:.0f}px" '
        f'viewBox="0 0 {width:.0f} {height:.0f}"  xmlns="http://www.w3.org/2000/svg">'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto">'
        '<path class="tip" d="M0 0 8 4 0 8z"/></marker></defs>' + "".join(lines + drawn) + "</svg>"
    )


def _laid_out(nodes: Sequence[Node], edges: Sequence[Edge]) -> dict[str, _Box]:
    """Place every node in the column after its last predecessor, near the middle of its predecessors."""
    columns = _columns(nodes, edges)
    tallest = max(_tall(column) for column in columns)
    boxes: dict[str, _Box] = {}
    x = 2.0
    for number, column in enumerate(columns):
        column.sort(key=lambda node: _middle(node, edges, boxes))
        y = 2 + (tallest - _tall(column)) / 2
        widest = max(node.width for node in column)
        for node in column:
            boxes[node.id] = _Box(node, x + (widest - node.width) / 2, y)
            y += node.height + _ROW_GAP
        here = {node.id for node in column}
        labels = [len(edge.label) * _CHAR * 0.85 for edge in edges if edge.source in here]
        x += widest + max([_GAP, *(length + _GAP for length in labels if length)])
        assert number < len(nodes)
    return boxes


def _columns(nodes: Sequence[Node], edges: Sequence[Edge]) -> list[list[Node]]:
    rank = {node.id: 0 for node in nodes}
    for _ in nodes:
        for edge in edges:
            rank[edge.target] = max(rank[edge.target], rank[edge.source] + 1)
    return [[node for node in nodes if rank[node.id] == number] for number in range(max(rank.values()) + 1)]


def _tall(column: Sequence[Node]) -> float:
    return sum(node.height for node in column) + _ROW_GAP * (len(column) - 1)


def _middle(node: Node, edges: Sequence[Edge], boxes: dict[str, _Box]) -> float:
    before = [boxes[edge.source].y for edge in edges if edge.target == node.id and edge.source in boxes]
    return sum(before) / len(before) if before else 0


def _box(box: _Box) -> str:
    node, middle = box.node, box.x + box.node.width / 2
    first = box.y + (_LINE + _PAD) / 2 + 4
    second = f'<text class="sub" x="{middle:.0f}" y="{first + _LINE:.0f}">{escape(node.subtitle)}</text>'
    return (
        f'<rect class="{node.kind}" x="{box.x:.0f}" y="{box.y:.0f}" width="{node.width:.0f}" '
        f'height="{node.height:.0f}" rx="6"/>'
        f'<text x="{middle:.0f}" y="{first:.0f}">{escape(node.title)}</text>'
        + (second if node.subtitle else "")
    )


def _edge(source: _Box, target: _Box, edge: Edge) -> str:
    x1, y1 = source.x + source.node.width, source.y + source.node.height / 2
    x2, y2 = target.x, target.y + target.node.height / 2
    bend = (x2 - x1) / 2
    dashed = ' stroke-dasharray="5 4"' if edge.is_dashed else ""
    path = f"M{x1:.0f} {y1:.0f}C{x1 + bend:.0f} {y1:.0f} {x2 - bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"
    label = (
        f'<text class="label" x="{(x1 + x2) / 2:.0f}" y="{(y1 + y2) / 2 - 6:.0f}">{escape(edge.label)}</text>'
    )
    return f'<path class="edge" marker-end="url(#tip)" d="{path}"{dashed}/>' + (label if edge.label else "")
