"""Whole slides put together again from their patches, and layers of values drawn over them.

The coordinates in a patch's name are those of its left upper corner on the slide, so that any patches of one
slide, with any value per patch (the truth, a predicted probability), make a picture of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from idc.converter.patches import PATCH_PX

Pixels = NDArray[np.uint8]
Box = tuple[int, int, int, int]
Colour = tuple[int, int, int]

WHITE = (255, 255, 255)


def palette(stops: Sequence[tuple[float, tuple[int, int, int, int]]]) -> Pixels:
    """Return a colour with opacity for each of 256 values from 0 to 1, shape (256, 4), between the stops."""
    at = [value for value, _ in stops]
    channels = [np.interp(np.linspace(0, 1, 256), at, [rgba[i] for _, rgba in stops]) for i in range(4)]
    return np.stack(channels, axis=1).round().astype(np.uint8)


# Clear at 0, so that tissue shows where a model expects nothing; away from the pink and violet of the stain.
HEAT = palette(
    [(0, (255, 255, 255, 0)), (0.35, (250, 220, 60, 60)), (0.7, (20, 170, 90, 120)), (1, (0, 60, 110, 160))]
)


class Slide:
    """One slide under reconstruction: patches are pasted one at a time, so that they need not all be held."""

    def __init__(self, places: NDArray[np.int64], longest_px: int = 1000) -> None:
        """Prepare a white canvas.

        Args:
            places: x and y of every patch, shape (patches, 2), in pixels of the slide.
            longest_px: the canvas's longer side is at most this; nothing is enlarged.

        Raises:
            ValueError: there are no patches.
        """
        if not len(places):
            raise ValueError("slide: no patches, expected at least one")
        self.places = np.asarray(places, dtype=np.int64)
        self._origin = self.places.min(axis=0)
        extent = self.places.max(axis=0) - self._origin + PATCH_PX
        self.scale = min(1.0, longest_px / int(extent.max()))
        width, height = (max(round(int(side) * self.scale), 1) for side in extent)
        self._canvas = Image.new("RGB", (width, height), WHITE)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the canvas in pixels."""
        return self._canvas.size

    @property
    def pixels(self) -> Pixels:
        """The slide as pasted so far, shape (height, width, 3)."""
        return np.asarray(self._canvas)

    def paste(self, x: int, y: int, patch: Pixels) -> None:
        """Put one patch, shape (height, width, 3), at its place."""
        height, width = patch.shape[:2]
        box = self._box(x, y, width, height)
        size = box[2] - box[0], box[3] - box[1]
        tile = Image.fromarray(patch)
        self._canvas.paste(tile if tile.size == size else tile.resize(size, Image.Resampling.BOX), box)

    def tint(self, values: Sequence[float] | NDArray[np.floating], colours: Pixels = HEAT) -> Pixels:
        """Return a layer, shape (height, width, 4), with each patch's area in the colour of its value.

        `values` are from 0 to 1 in the order of `places`; nothing is drawn where a value is NaN.
        """
        layer = np.zeros((self.size[1], self.size[0], 4), dtype=np.uint8)
        for (x, y), value in zip(self.places.tolist(), values, strict=True):
            if not np.isnan(value):
                left, top, right, bottom = self._box(x, y, PATCH_PX, PATCH_PX)
                layer[top:bottom, left:right] = colours[round(float(np.clip(value, 0, 1)) * 255)]
        return layer

    def outline(
        self, is_inside: Sequence[bool] | NDArray[np.bool_], colour: Colour, width: int = 2
    ) -> Pixels:
        """Return a layer, shape (height, width, 4), with a line round the area of the chosen patches."""
        marked = self.tint(np.asarray(is_inside, dtype=float), palette([(0, (0,) * 4), (1, (0, 0, 0, 255))]))
        area = Image.fromarray(np.pad(marked[:, :, 3], width))
        core = np.asarray(area.filter(ImageFilter.MinFilter(2 * width + 1)))[width:-width, width:-width]
        layer = np.zeros_like(marked)
        layer[(marked[:, :, 3] > 0) & (core == 0)] = (*colour, 255)
        return layer

    def _box(self, x: int, y: int, width: int, height: int) -> Box:
        left, top = x - int(self._origin[0]), y - int(self._origin[1])
        x0, x1, y0, y1 = (round(at * self.scale) for at in (left, left + width, top, top + height))
        x0, y0 = min(x0, self.size[0] - 1), min(y0, self.size[1] - 1)  # a patch is never less than a pixel
        return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)


def over(pixels: Pixels, *layers: Pixels) -> Pixels:
    """Return a picture, shape (height, width, 3), with layers, shape (height, width, 4), drawn over it."""
    drawn = Image.fromarray(pixels).convert("RGBA")
    for layer in layers:
        drawn = Image.alpha_composite(drawn, Image.fromarray(layer))
    return np.asarray(drawn.convert("RGB"))
