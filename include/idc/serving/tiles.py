"""How a slide is cut into tiles of 50×50 pixels, numbered along the rows from the upper left corner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from idc.converter.patches import PATCH_PX
from idc.serving.answers import BACKGROUND_LEVEL
from idc.serving.images import Pixels

BACKGROUND_SHARE = 0.98


@dataclass(frozen=True)
class Grid:
    """The tiles of a slide of this size in pixels."""

    width: int
    height: int

    @property
    def columns(self) -> int:
        """How many tiles a row has."""
        return -(-self.width // PATCH_PX)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return -(-self.height // PATCH_PX)

    @property
    def count(self) -> int:
        """How many tiles there are."""
        return self.columns * self.rows

    def place(self, number: int) -> tuple[int, int]:
        """Return a tile's left upper corner, in pixels."""
        row, column = divmod(number, self.columns)
        return column * PATCH_PX, row * PATCH_PX

    def number(self, x: int, y: int) -> int | None:
        """Return the number of the tile whose left upper corner this is, if it is one."""
        if x % PATCH_PX or y % PATCH_PX or x >= self.width or y >= self.height:
            return None
        return y // PATCH_PX * self.columns + x // PATCH_PX

    def box(self, number: int) -> tuple[int, int, int, int]:
        """Return a tile's left, top, right and bottom, in pixels within the slide."""
        x, y = self.place(number)
        return x, y, min(x + PATCH_PX, self.width), min(y + PATCH_PX, self.height)


def is_background(pixels: Pixels) -> bool:
    """Return whether nearly all of a tile is as white as the glass of a slide."""
    return float(np.mean(pixels.min(axis=2) >= BACKGROUND_LEVEL)) >= BACKGROUND_SHARE


def tile_name(x: int, y: int) -> str:
    """Return the name of a tile within its slide."""
    return f"x{x}_y{y}"
