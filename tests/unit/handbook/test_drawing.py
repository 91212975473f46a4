"""Graphs are laid out so that arrows point one way and boxes do not lie on each other."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ElementTree

from handbook.drawing import Edge, Node, draw

NODES = [Node(name, name, "a task", "task") for name in ("plan", "train", "tune", "measure", "deploy")]
EDGES = [
    Edge("plan", "train", "jobs"),
    Edge("tune", "measure"),
    Edge("train", "measure"),
    Edge("measure", "deploy"),
]


def boxes(svg: str) -> list[tuple[float, float, float, float]]:
    names = ("x", "y", "width", "height")
    return [
        tuple(float(element.attrib[name]) for name in names)  # type: ignore[misc]
        for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}rect")
    ]


def test_no_box_lies_on_another_and_all_are_within_the_picture() -> None:
    svg = draw("a graph", NODES, EDGES)
    found = boxes(svg)
    _, _, width, height = map(float, ElementTree.fromstring(svg).attrib["viewBox"].split())

    assert len(found) == len(NODES)
    for x, y, w, h in found:
        assert x >= 0
        assert y >= 0
        assert x + w <= width
        assert y + h <= height
    for (x1, y1, w1, h1), (x2, y2, w2, h2) in itertools.combinations(found, 2):
        assert x1 + w1 <= x2 or x2 + w2 <= x1 or y1 + h1 <= y2 or y2 + h2 <= y1


def test_a_long_chain_stands_upright() -> None:
    nodes = [Node(str(number), f"a task with a long name {number}") for number in range(8)]
    edges = [Edge(str(number), str(number + 1)) for number in range(7)]
    found = boxes(draw("a chain", nodes, edges))

    assert [y for _, y, _, _ in found] == sorted(y for _, y, _, _ in found)
    assert max(x + w for x, _, w, _ in found) < 700


def test_text_is_escaped() -> None:
    assert "<b>" not in draw("<b>", [Node("a", "<b>")], [])


def test_an_arrow_past_a_rank_goes_around_the_box_there() -> None:
    nodes = [Node(name, name) for name in ("first", "between", "last")]
    chain = [Edge("first", "between"), Edge("between", "last")]
    plain, around = draw("a chain", nodes, chain), draw("a chain", nodes, [*chain, Edge("first", "last")])

    assert (plain.count("marker-end"), around.count("marker-end")) == (2, 3)
    assert len(boxes(around)) == len(nodes)
    heights = [float(ElementTree.fromstring(svg).attrib["viewBox"].split()[3]) for svg in (plain, around)]
    assert heights[0] < heights[1]
