"""Charts of reports: SVG in the page's colours, and PNG on white."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.figure import Figure

# Every colour of a chart stands for one of the page's, which differ between light and dark.
INK, MUTED, ZERO, ONE = "#20242b", "#69717d", "#3d7ea6", "#c8553d"
_VARIABLES = {INK: "var(--ink)", MUTED: "var(--muted)", ZERO: "var(--zero)", ONE: "var(--one)"}
CLASS_NAMES = ("no IDC", "IDC")

_STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "svg.fonttype": "none",
}


@dataclass(frozen=True)
class Chart:
    """One chart: SVG to stand in the page, PNG on white."""

    name: str
    svg: str
    png: bytes


def chart(name: str, size: tuple[float, float], draw: Callable[..., None], columns: int = 1) -> Chart:
    """Return what `draw` draws on `columns` axes side by side; `size` is in inches."""
    style: Any = {**_STYLE, "svg.hashsalt": name}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=size, layout="constrained")
        draw(*figure.subplots(1, columns, squeeze=False)[0])
        svg, png = io.StringIO(), io.BytesIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(svg, format="svg", transparent=True, metadata=nothing)
        figure.savefig(png, format="png", dpi=160, facecolor="white", metadata={"Software": None})
    return Chart(name, _inline(svg.getvalue()), png.getvalue())


def _inline(svg: str) -> str:
    """Return the `svg` element alone, its groups without names that a page may have twice, in its colours."""
    element = svg[svg.index("<svg") :]
    element = re.sub(r'<g id="[^"]*"', "<g", element)
    element = re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
    element = re.sub(r'<svg [^>]*?(viewBox="[^"]*")[^>]*>', r'<svg \1 aria-hidden="true">', element)
    for colour, variable in _VARIABLES.items():
        element = element.replace(colour, variable)
    return element
