"""How a slide is cut into tiles, numbered along the rows from the upper left corner."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import numpy as np

from idc.converter.patches import PATCH_PX
from idc.serving.answers import BACKGROUND_LEVEL
from idc.serving.images import Pixels

Box = tuple[int, int, int, int]

BACKGROUND_SHARE = 0.98


@dataclass(frozen=True)
class Tiling:
    """What decides the tiles of a slide; a slide keeps the tiling that it was scored with.

    A tile is background if at least `background_share` of its pixels are as light as `background_level` in
    red, green and blue.
    """

    tile_px: int = PATCH_PX
    step_px: int = PATCH_PX
    background_level: int = BACKGROUND_LEVEL
    background_share: float = BACKGROUND_SHARE

    @classmethod
    def from_json(cls, text: str | None) -> Tiling:
        """Read the tiling of a record; None is a record written before tilings were kept."""
        return UNRECORDED if text is None else cls(**json.loads(text))

    def to_json(self) -> str:
        """Return the tiling as a record keeps it."""
        return json.dumps(asdict(self))

    def is_background(self, pixels: Pixels) -> bool:
        """Return whether nearly all of a tile is as white as the glass of a slide."""
        light = pixels.min(axis=2) >= self.background_level
        return float(np.mean(light)) >= self.background_share


TILING = Tiling()  # of new slides
# Of slides scored before their records named it: these numbers never change.
UNRECORDED = Tiling(tile_px=50, step_px=50, background_level=220, background_share=0.98)


@dataclass(frozen=True)
class Grid:
    """The tiles of a slide of this size in pixels."""

    width: int
    height: int
    tiling: Tiling = TILING

    @property
    def columns(self) -> int:
        """The number of tiles in a row."""
        return -(-self.width // self.tiling.step_px)

    @property
    def rows(self) -> int:
        """The number of rows."""
        return -(-self.height // self.tiling.step_px)

    @property
    def count(self) -> int:
        """The number of tiles."""
        return self.columns * self.rows

    def place(self, number: int) -> tuple[int, int]:
        """Return a tile's left upper corner, in pixels."""
        row, column = divmod(number, self.columns)
        return column * self.tiling.step_px, row * self.tiling.step_px

    def number(self, x: int, y: int) -> int | None:
        """Return the number of the tile with this left upper corner, None if there is no such tile."""
        step = self.tiling.step_px
        if x % step or y % step or x >= self.width or y >= self.height:
            return None
        return y // step * self.columns + x // step

    def box(self, number: int) -> Box:
        """Return a tile's left, top, right and bottom, in pixels within the slide."""
        x, y = self.place(number)
        side = self.tiling.tile_px
        return x, y, min(x + side, self.width), min(y + side, self.height)


def tile_name(x: int, y: int) -> str:
    """Return the name of a tile within its slide."""
    return f"x{x}_y{y}"
