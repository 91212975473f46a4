"""Paint patches that look like breast tissue in haematoxylin and eosin at 10x: stroma, fat and nuclei.

Every patient's slide is a window into endless textures, so that neighbouring patches join. Only integer sums,
products and comparisons decide a pixel, which gives the same bytes on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from idc.converter.patches import PATCH_PX

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TILE_PX = 768
_LEVELS = 64
# Optical density of each stain in red, green, blue.
# Source: Macenko et al.: A method for normalizing histology slides for quantitative analysis (2009)
_HAEMATOXYLIN = np.array([0.563, 0.720, 0.406])
_EOSIN = np.array([0.216, 0.801, 0.558])
_GLASS = 244.0


@dataclass(frozen=True)
class Tissue:
    """Content of patches, one number a patch: number of nuclei, clustering, share of fat.

    `nuclei` and `fat` are z-scores above which noise becomes tissue, negated; 0 fills half the area.
    """

    nuclei: NDArray[np.float32]
    nests: NDArray[np.float32]
    fat: NDArray[np.float32]


class Textures:
    """Endless noise of several grains, made once; values are z-scores, the tile repeats after 768 pixels."""

    def __init__(self, rng: np.random.Generator) -> None:
        """Draw the textures."""
        self._nuclei = _noise(rng, 2, 2)
        self._nests = _noise(rng, 9, 9)
        self._fat = _noise(rng, 11, 11)
        self._fibres = _noise(rng, 13, 3)
        self._grain = _noise(rng, 1, 1)

    def paint(
        self, tissue: Tissue, stain: NDArray[np.uint8], xs: NDArray[np.int64], ys: NDArray[np.int64]
    ) -> NDArray[np.uint8]:
        """Return patches of shape (n, 50, 50, 3) at the pixels `xs`, `ys` of a slide with this stain."""
        at = ys % _TILE_PX, xs % _TILE_PX
        nests = self._nests[at] * tissue.nests[:, None, None]
        nuclei = np.clip((self._nuclei[at] + nests + tissue.nuclei[:, None, None]) * np.float32(1.6), 0, 1)
        stroma = 1 - np.clip((self._fat[at] + tissue.fat[:, None, None]) * np.float32(4), 0, 1)
        grain = self._grain[at]
        blue = (nuclei * np.float32(0.75) + np.float32(0.1) + grain * np.float32(0.03)) * stroma
        pink = (np.float32(0.55) + self._fibres[at] * np.float32(0.12) + grain * np.float32(0.04)) * stroma
        top = np.float32(_LEVELS - 1)
        first = np.clip(blue * top, 0, top).astype(np.int32)
        second = np.clip(pink * top, 0, top).astype(np.int32)
        return np.asarray(stain[first * _LEVELS + second])


def draw_stain(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return one laboratory's colours: RGB for every level of haematoxylin times every level of eosin."""
    strength = rng.uniform(0.8, 1.25, size=2)
    tint = rng.normal(0, 0.04, size=(2, 3))
    levels = np.arange(_LEVELS) / (_LEVELS - 1)
    blue = levels[:, None, None] * (_HAEMATOXYLIN + tint[0]) * strength[0] * 1.6
    pink = levels[None, :, None] * (_EOSIN + tint[1]) * strength[1] * 0.9
    colours = _GLASS * np.exp(-np.clip(blue + pink, 0, None))
    return np.asarray(np.round(colours), dtype=np.uint8).reshape(_LEVELS * _LEVELS, 3)


def _noise(rng: np.random.Generator, width: int, height: int) -> NDArray[np.float32]:
    """Return windows into seamless noise whose grains are about `width` by `height` pixels."""
    tile = rng.integers(0, 1 << 12, size=(_TILE_PX, _TILE_PX), dtype=np.int64)
    for _ in range(3 if max(width, height) > 1 else 0):
        tile = _box_sum(_box_sum(tile, height, 0), width, 1)
    scores = ((tile - tile.mean()) / tile.std()).astype(np.float32)
    wrapped = np.pad(scores, ((0, PATCH_PX), (0, PATCH_PX)), mode="wrap")
    return sliding_window_view(wrapped, (PATCH_PX, PATCH_PX))


def _box_sum(tile: NDArray[np.int64], size: int, axis: int) -> NDArray[np.int64]:
    """Return the sum of each pixel and the `size` - 1 before it, around the edge."""
    sums = np.cumsum(tile, axis=axis)
    total = np.take(sums, [-1], axis=axis)
    before = np.roll(sums, size, axis=axis)
    index = [slice(None), slice(None)]
    index[axis] = slice(0, size)
    before[tuple(index)] -= total
    return np.asarray(sums - before)
