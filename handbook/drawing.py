"""Small graphs as SVG, in the colours of the page they stand on (`docs/assets/site.css`)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_CHAR, _LINE, _PAD = 7.4, 18, 14  # width of a character, height of a line and space around text, in pixels
_AHEAD, _BESIDE = 36, 22  # between ranks, and between the nodes of a rank
_PAGE = 700
_BEND = "bend"  # the kind of what is no box but where a long arrow passes a rank


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
    end: float  # where arrows leave, along the reading direction


def draw(title: str, nodes: Sequence[Node], edges: Sequence[Edge]) -> str:
    """Return an SVG of the graph, which has no cycle; `title` is what a screen reader says.

    It reads from left to right, or from top to bottom where it would be wider than a page.
    """
    nodes, edges = _with_bends(nodes, edges)
    is_upright = False
    boxes = _laid_out(nodes, edges, is_upright)
    if _right(boxes) > _PAGE:
        is_upright = True
        boxes = _laid_out(nodes, edges, is_upright)
    height = max(box.y + box.node.height for box in boxes.values()) + 2
    lines = [_line(boxes[edge.source], boxes[edge.target], edge, is_upright) for edge in edges]
    labelled = [_label(boxes, edge, edges, is_upright) for edge in edges if edge.label]
    labels = [text for text, _, _ in labelled]
    left = min([0.0, *(start for _, start, _ in labelled)])
    width = max([_right(boxes), *(end for _, _, end in labelled)]) - left
    drawn = [_box(box) for box in boxes.values() if box.node.kind != _BEND]
    return (
        f'<svg class="drawing" role="img" aria-label="{escape(title)}" style="max-width:{width:.0f}px" '
        f'viewBox="{left:.0f} 0 {width:.0f} {height:.0f}" xmlns="http://www.w3.org/2000/svg">'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path class="tip" d="M0 0 8 4 0 8z"/></marker></defs>'
        + "".join(lines + labels + drawn)
        + "</svg>"
    )


def _with_bends(nodes: Sequence[Node], edges: Sequence[Edge]) -> tuple[list[Node], list[Edge]]:
    """Give an arrow a place of its own in every rank that it passes, so that it goes behind no box."""
    ranks = _ranks(nodes, edges)
    rank = {node.id: number for number, own in enumerate(ranks) for node in own}
    all_nodes, steps = list(nodes), []
    for edge in edges:
        between = range(rank[edge.source] + 1, rank[edge.target])
        bends = [Node(f"{edge.source} {edge.target} {number}", "", kind=_BEND) for number in between]
        all_nodes += bends
        way = [edge.source, *(bend.id for bend in bends), edge.target]
        for source, target in itertools.pairwise(way):
            steps.append(Edge(source, target, edge.label if source == edge.source else "", edge.is_dashed))
    return all_nodes, steps


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
            size = thickest if node.kind == _BEND else _size(node, not is_upright)
            inset = along + (thickest - size) / 2
            x, y = (across, inset) if is_upright else (inset, across)
            boxes[node.id] = _Box(node, x, y, inset + size)
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


def _ends(source: _Box, target: _Box, is_upright: bool) -> tuple[float, float, float, float]:
    if is_upright:
        return source.x + source.node.width / 2, source.end, target.x + target.node.width / 2, target.y
    return source.end, source.y + source.node.height / 2, target.x, target.y + target.node.height / 2


def _line(source: _Box, target: _Box, edge: Edge, is_upright: bool) -> str:
    """Return the arrow, or its part to the end of the rank that it passes."""
    x1, y1, x2, y2 = _ends(source, target, is_upright)
    bend_x, bend_y = (0.0, (y2 - y1) / 2) if is_upright else ((x2 - x1) / 2, 0.0)
    way = f"M{x1:.0f} {y1:.0f}C{x1 + bend_x:.0f} {y1 + bend_y:.0f} {x2 - bend_x:.0f} {y2 - bend_y:.0f} "
    way += f"{x2:.0f} {y2:.0f}"
    dashed = ' stroke-dasharray="5 4"' if edge.is_dashed else ""
    if target.node.kind != _BEND:
        return f'<path class="edge" marker-end="url(#tip)" d="{way}"{dashed}/>'
    through = f"V{target.end:.0f}" if is_upright else f"H{target.end:.0f}"
    return f'<path class="edge" d="{way}{through}"{dashed}/>'


def _label(
    boxes: dict[str, _Box], edge: Edge, edges: Sequence[Edge], is_upright: bool
) -> tuple[str, float, float]:
    """Return an arrow's label, and where it begins and ends: above it, or on the side where no other is."""
    x1, y1, x2, y2 = _ends(boxes[edge.source], boxes[edge.target], is_upright)
    is_alone = sum(other.source == edge.source for other in edges) == 1
    is_joining = is_alone and sum(other.target == edge.target for other in edges) > 1
    x, y, width = (x1 + x2) / 2, (y1 + y2) / 2, len(edge.label) * _CHAR * 0.85
    if not is_upright:
        kind, y, left = "label", y - 6, x - width / 2
    elif (x2 > x1 + 1) if is_joining else (x2 < x1 - 1):
        kind, x, y, left = "label end", x - 8, y + 4, x - 8 - width
    else:
        kind, x, y, left = "label start", x + 8, y + 4, x + 8
    return f'<text class="{kind}" x="{x:.0f}" y="{y:.0f}">{escape(edge.label)}</text>', left, left + width
