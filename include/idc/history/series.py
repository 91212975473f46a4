"""How the candidates look in every plot: a colour and a marker by name, in the order in which they are shown.

Variants declare theirs. A name that no variant has, as of a variant that was removed, is shown in grey.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from idc.html.charts import INK, MUTED
from idc.layout import CHAMPION
from idc.variants.all import VARIANTS


@dataclass(frozen=True)
class Series:
    """The candidates of one name; `marker` is matplotlib's."""

    name: str
    colour: str
    marker: str


def series(name: str) -> Series:
    """Return the look of the candidates of this name."""
    if name == CHAMPION:
        return Series(name, INK, "*")
    declared = VARIANTS.get(name)
    return Series(name, declared.colour, declared.marker) if declared else Series(name, MUTED, "X")


def in_order(names: Iterable[str]) -> list[str]:
    """Return names as they are shown: variants in their order, unknown names, the champion."""
    wanted = set(names)
    known = [name for name in VARIANTS if name in wanted]
    return [*known, *sorted(wanted - {*known, CHAMPION}), *({CHAMPION} & wanted)]


def colours() -> dict[str, str]:
    """Return the CSS variable of each colour that a variant declares."""
    return {one.colour: f"var(--{name})" for name, one in VARIANTS.items()}


def css(dark: str) -> str:
    """Return the colours as CSS; `dark` is the rule of the dark theme, with `{}` for its content."""
    light = " ".join(f"--{name}: {one.colour};" for name, one in VARIANTS.items())
    darker = " ".join(f"--{name}: {one.dark_colour};" for name, one in VARIANTS.items())
    classes = "\n".join(f".{name} {{ --of: var(--{name}); }}" for name in VARIANTS)
    return f":root {{ {light} }}\n{dark.replace('{}', darker)}\n{classes}\n"
