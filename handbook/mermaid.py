"""Flowcharts in Mermaid's notation as drawings of our own: GitHub shows the one, the site the other.

Of the notation (https://mermaid.js.org/syntax/flowchart.html) what the pages use: boxes `[…]` and `{…}`, the
arrows `-->`, `-- words -->` and `-. words .->`, chains of them, and `&` between boxes.
"""

from __future__ import annotations

import re

from handbook.drawing import Edge, Node, draw

_BLOCK = re.compile(r"^```mermaid\nflowchart \w+\n(?P<lines>.*?)^```$", re.MULTILINE | re.DOTALL)
_BOX = re.compile(r"\s*(?P<id>\w+)(?:\[(?P<box>[^\]]+)\]|\{(?P<choice>[^}]+)\})?\s*(?P<more>&)?")
_ARROW = re.compile(r"\s*(?:-->|-- (?P<words>.+?) -->|-\. (?P<dashed>.+?) \.->)")


def drawn(markdown: str) -> str:
    """Return the page with every flowchart drawn; a screen reader says the page's heading of it.

    Raises:
        ValueError: a flowchart has something else than the notation above.
    """
    heading = markdown.lstrip().partition("\n")[0].lstrip("# ")
    return _BLOCK.sub(lambda block: _drawing(heading, block["lines"]), markdown)


def _drawing(title: str, lines: str) -> str:
    nodes: dict[str, Node] = {}
    edges: list[Edge] = []
    for line in filter(None, map(str.strip, lines.splitlines())):
        before, position = _boxes(line, 0, nodes)
        while position < len(line):
            arrow = _ARROW.match(line, position)
            if arrow is None:
                raise ValueError(f"flowchart {line!r}: {line[position:]!r}, expected an arrow. Correct it.")
            after, position = _boxes(line, arrow.end(), nodes)
            label = arrow["words"] or arrow["dashed"] or ""
            edges += [Edge(one, two, label, arrow["dashed"] is not None) for one in before for two in after]
            before = after
    return draw(title, list(nodes.values()), edges)


def _boxes(line: str, position: int, nodes: dict[str, Node]) -> tuple[list[str], int]:
    """Read the boxes that stand at `position`, joined by `&`, into `nodes`; return their ids and the end."""
    found: list[str] = []
    while True:
        box = _BOX.match(line, position)
        if box is None:
            raise ValueError(f"flowchart {line!r}: {line[position:]!r}, expected a box. Correct it.")
        found.append(box["id"])
        if text := box["box"] or box["choice"]:
            nodes[box["id"]] = Node(box["id"], text, kind="dag" if box["choice"] else "task")
        else:
            nodes.setdefault(box["id"], Node(box["id"], box["id"]))
        position = box.end()
        if box["more"] is None:
            return found, position
