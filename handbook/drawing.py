"""Small graphs as SVG, in the colours of the page they stand on (`docs/assets/site.css`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_CHAR, _LINE, _PAD = 7.4, 18, 14  # width of a character, height of a line and space around text, in pixels
_AHEAD, _BESIDE = 36, 22  # between ranks, and between the nodes of a rank
_PAGE = 700


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
    """Return an SVG of the graph, which has no cycle; `title` is what a screen reader says.

    It reads from left to right, or from top to bottom where it would be wider than a page.
    """
    is_upright = False
    boxes = _laid_out(nodes, edges, is_upright)
    if _right(boxes) > _PAGE:
        is_upright = True
        boxes = _laid_out(nodes, edges, is_upright)
    width = _right(boxes)
    height = max(box.y + box.node.height for box in boxes.values()) + 2
    edged = [_edge(boxes[edge.source], boxes[edge.target], edge, is_upright) for edge in edges]
    lines, labels = [path for path, _ in edged], [label for _, label in edged]
    drawn = [_box(box) for box in boxes.values()]
    return (
        f'<svg class="drawing" role="img" aria-label="{escape(title)}" style="max-width:{width:.0f}px" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" xmlns="http://www.w3.org/2000/svg">'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path class="tip" d="M0 0 8 4 0 8z"/></marker></defs>'
        + "".join(lines + labels + drawn)
        + "</svg>"
    )


def _right(boxes: dict[str, _Box]) -> float:
    return max(box.x + box.node.width for box in boxes.values()) + 2


def _laid_out(nodes: Sequence[Node], edges: Sequence[Edge], is_upright: bool) -> dict[str, _Box]:
    """Place every node in the rank after its last predecessor, near the middle of its predecessors."""
    ranks = _ranks(nodes, edges)
    longest = max(_length(rank, is_upright) for rank in ranks)
    boxes: dict[str, _Box] = {}
    along = 2.0
    for rank in ranks:
        rank.sort(key=lambda node: _middle(node, edges, boxes, is_upright))
        across = 2 + (longest - _length(rank, is_upright)) / 2
        thickest = max(_size(node, not is_upright) for node in rank)
        for node in rank:
            inset = along + (thickest - _size(node, not is_upright)) / 2
            boxes[node.id] = _Box(node, across, inset) if is_upright else _Box(node, inset, across)
            across += _size(node, is_upright) + _BESIDE
        here = {node.id for node in rank}
        labels = [len(edge.label) * _CHAR * 0.85 for edge in edges if edge.source in here and not is_upright]
        along += thickest + _AHEAD + max([0.0, *labels])
    return boxes


def _ranks(nodes: Sequence[Node], edges: Sequence[Edge]) -> list[list[Node]]:
    rank = {node.id: 0 for node in nodes}
    for _ in nodes:
        for edge in edges:
            rank[edge.target] = max(rank[edge.target], rank[edge.source] + 1)
    for node in nodes:  # what nothing leads to stands just before what it leads to
        after = [rank[edge.target] for edge in edges if edge.source == node.id]
        if after and not any(edge.target == node.id for edge in edges):
            rank[node.id] = min(after) - 1
    return [[node for node in nodes if rank[node.id] == number] for number in range(max(rank.values()) + 1)]


def _length(rank: Sequence[Node], is_upright: bool) -> float:
    return sum(_size(node, is_upright) for node in rank) + _BESIDE * (len(rank) - 1)


def _size(node: Node, is_width: bool) -> float:
    return node.width if is_width else node.height


def _middle(node: Node, edges: Sequence[Edge], boxes: dict[str, _Box], is_upright: bool) -> float:
    before = [boxes[edge.source] for edge in edges if edge.target == node.id and edge.source in boxes]
    places = [box.x + box.node.width / 2 if is_upright else box.y for box in before]
    return sum(places) / len(places) if places else 0


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


def _edge(source: _Box, target: _Box, edge: Edge, is_upright: bool) -> tuple[str, str]:
    """Return the arrow and its label."""
    if is_upright:
        x1, y1 = source.x + source.node.width / 2, source.y + source.node.height
        x2, y2 = target.x + target.node.width / 2, target.y
        bend_x, bend_y, label_x, label_y = 0.0, (y2 - y1) / 2, 8.0, 4.0
    else:
        x1, y1 = source.x + source.node.width, source.y + source.node.height / 2
        x2, y2 = target.x, target.y + target.node.height / 2
        bend_x, bend_y, label_x, label_y = (x2 - x1) / 2, 0.0, 0.0, -6.0
    ends = f"{x1 + bend_x:.0f} {y1 + bend_y:.0f} {x2 - bend_x:.0f} {y2 - bend_y:.0f} {x2:.0f} {y2:.0f}"
    dashed = ' stroke-dasharray="5 4"' if edge.is_dashed else ""
    path = f'<path class="edge" marker-end="url(#tip)" d="M{x1:.0f} {y1:.0f}C{ends}"{dashed}/>'
    if not edge.label:
        return path, ""
    kind = "label start" if is_upright else "label"
    x, y = (x1 + x2) / 2 + label_x, (y1 + y2) / 2 + label_y
    return path, f'<text class="{kind}" x="{x:.0f}" y="{y:.0f}">{escape(edge.label)}</text>'
