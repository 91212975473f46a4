"""Charts of reports: SVG in the page's colours, and PNG on white."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
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


POINTS = 72  # of an SVG's units in an inch
# What matplotlib's own style sheet says of every element.
_ROOT = 'aria-hidden="true" stroke-linejoin="round" stroke-linecap="butt">'
_DRAWING = threading.Lock()  # matplotlib's settings belong to the process


@dataclass(frozen=True)
class Vector:
    """SVG to stand in a page, and the left, top, right and bottom of its first axes in the SVG's units."""

    svg: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Chart:
    """One chart: SVG to stand in the page, PNG on white."""

    name: str
    svg: str
    png: bytes


def chart(
    name: str,
    size: tuple[float, float],
    draw: Callable[..., None],
    columns: int = 1,
    colours: Mapping[str, str] | None = None,
) -> Chart:
    """Return what `draw` draws on `columns` axes side by side; arguments as of `vector`."""
    with _figure(name, size, draw, columns) as figure:
        svg, png = _vector(figure, colours or {}).svg, io.BytesIO()
        figure.savefig(png, format="png", dpi=160, facecolor="white", metadata={"Software": None})
    return Chart(name, svg, png.getvalue())


def vector(
    name: str,
    size: tuple[float, float],
    draw: Callable[..., None],
    colours: Mapping[str, str] | None = None,
) -> Vector:
    """Return what `draw` draws on one axes as SVG.

    Args:
        name: makes the element's ids, so it must be unique in a page.
        size: width and height in inches.
        draw: draws on the axes that it is given.
        colours: CSS values that replace colours, besides the page's own.
    """
    with _figure(name, size, draw, 1) as figure:
        return _vector(figure, colours or {})


@contextmanager
def _figure(
    name: str, size: tuple[float, float], draw: Callable[..., None], columns: int
) -> Iterator[Figure]:
    style: Any = {**_STYLE, "svg.hashsalt": name}
    with _DRAWING, matplotlib.rc_context(style):
        figure = Figure(figsize=size, layout="constrained")
        draw(*figure.subplots(1, columns, squeeze=False)[0])
        yield figure


def _vector(figure: Figure, colours: Mapping[str, str]) -> Vector:
    svg, nothing = io.StringIO(), dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(svg, format="svg", transparent=True, metadata=nothing)
    width, height = POINTS * figure.get_size_inches()
    (x0, y0), (x1, y1) = figure.axes[0].get_position().get_points()
    left, top, right, bottom = (
        float(at) for at in (x0 * width, (1 - y1) * height, x1 * width, (1 - y0) * height)
    )
    return Vector(_inline(svg.getvalue(), {**_VARIABLES, **colours}), (left, top, right, bottom))


def _inline(svg: str, colours: Mapping[str, str]) -> str:
    """Return the `svg` element to stand in a page: in its colours, without styles that policies forbid.

    Groups lose their names, which a page may have twice. Styles become attributes: the Airflow page's
    `Content-Security-Policy` allows no inline styles.
    """
    element = svg[svg.index("<svg") :]
    element = re.sub(r'<g id="[^"]*"', "<g", element)
    element = re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
    element = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", element, flags=re.DOTALL)
    root = r'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" \1 ' + _ROOT
    element = re.sub(r'<svg [^>]*?(viewBox="[^"]*")[^>]*>', root, element)
    element = re.sub(r' style="([^"]*)"', _attributes, element)
    for colour, value in colours.items():
        element = element.replace(colour, value)
    return element


def _attributes(style: re.Match[str]) -> str:
    """Return the declarations of a `style` attribute as presentation attributes; the font is the page's."""
    declarations = (one.partition(":") for one in style[1].split(";") if one.strip())
    pairs = ((name.strip(), value.strip()) for name, _, value in declarations)
    return "".join(f' {name}="{value}"' for name, value in pairs if name != "font-family")
