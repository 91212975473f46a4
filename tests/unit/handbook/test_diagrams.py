"""Graphs become flowcharts in Mermaid's notation; `test_site.py` has a browser draw them."""

from __future__ import annotations

from handbook.diagrams import Edge, Node, flowchart


def test_boxes_arrows_and_labels() -> None:
    nodes = [Node("plan", "plan", "@task"), Node("end", "end"), Node("made", "dataset", "asset", "asset")]
    edges = [Edge("plan", "end", "a job"), Edge("end", "made"), Edge("made", "plan")]

    assert flowchart("A graph", nodes, edges).splitlines() == [
        "```mermaid",
        "flowchart LR",
        "  accTitle: A graph",
        '  n0["plan<br>@task"]',
        '  n1["end"]',
        '  n2(["dataset<br>asset"])',
        '  n0 -->|"a job"| n1',
        "  n1 --> n2",
        "  n2 --> n0",
        "```",
    ]


def test_a_long_graph_reads_from_top_to_bottom() -> None:
    nodes = [Node(str(number), f"task {number}") for number in range(8)]

    assert flowchart("A chain", nodes, []).splitlines()[1] == "flowchart TD"


def test_text_is_escaped() -> None:
    chart = flowchart("A graph", [Node("a", '<b>"#1"')], [])

    assert '  n0["#lt;b#gt;#quot;#35;1#quot;"]' in chart.splitlines()
