"""A slide's heatmap: a transparent layer of its proportions, each tile in the colour of its probability."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from idc.html.slides import HEAT
from idc.serving.slide_records import TileRecord
from idc.serving.tiles import Grid

LONGEST_PX = 2000


def draw(grid: Grid, tiles: Sequence[TileRecord]) -> bytes:
    """Return the layer as a PNG with transparency; clear where there is background."""
    layer = np.zeros((grid.rows, grid.columns, 4), dtype=np.uint8)
    for tile in tiles:
        layer[divmod(tile.number, grid.columns)] = HEAT[round(tile.probability * 255)]
    scale = min(1.0, LONGEST_PX / max(grid.width, grid.height))
    size = max(round(grid.width * scale), 1), max(round(grid.height * scale), 1)
    covered = (0.0, 0.0, grid.width / grid.tiling.step_px, grid.height / grid.tiling.step_px)
    drawn = Image.fromarray(layer).resize(size, Image.Resampling.NEAREST, box=covered)
    buffer = io.BytesIO()
    drawn.save(buffer, "PNG")
    return buffer.getvalue()
