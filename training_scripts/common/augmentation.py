"""Patches as other scanners, laboratories and turns of a slide would show them: NumPy arrays in and out.

The same file in every variant, so that all of them learn from the same pictures.
"""

from __future__ import annotations

import numpy as np

# Absorbance of haematoxylin, eosin and DAB in red, green and blue: Ruifrok and Johnston (2001),
# Quantification of histochemical staining by color deconvolution, Anal Quant Cytol Histol 23.
STAINS = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]], dtype=np.float32)
# Not for every batch: it wakes a thread of OpenBLAS, which then keeps a core busy for half a step.
UNMIXED = np.linalg.inv(STAINS)
# How bright an eye finds red, green and blue: ITU-R BT.601.
BRIGHTNESS = np.array([0.299, 0.587, 0.114], dtype=np.float32)
LEVELS, GREY = 256, 128


def augment(pixels, stain_jitter, colour_jitter, rng):
    """Return patches (patches, 50, 50, 3) uint8, each turned, mirrored, stained and coloured at random.

    A pixel p becomes C·(256·exp(S·log((p + 1)/256) - light) - 1) + level, with S and light as `stain` draws
    them, C and level as `colour` does. What is alike for all pixels of a patch is computed once, and channels
    lie apart in memory: passes over the pixels are what takes time.
    """
    turned = turn(pixels, rng)
    if not (stain_jitter or colour_jitter):
        return turned
    planes = turned.transpose(0, 3, 1, 2).reshape(len(pixels), 3, -1)
    stains, light = stain(len(pixels), stain_jitter, rng)
    colours, level = colour(len(pixels), colour_jitter, rng)
    level -= colours.sum(axis=2, keepdims=True)
    scale = np.exp(np.log(np.float32(LEVELS)) * (1 - stains.sum(axis=2, keepdims=True)) - light)
    values = planes.astype(np.float32)
    values += 1
    let_through = stains @ np.log(values, out=values)
    np.exp(let_through, out=let_through)
    np.matmul(colours * scale.transpose(0, 2, 1), let_through, out=values)
    values += level
    np.clip(values, 0, LEVELS - 1, out=values)
    return values.astype(np.uint8).reshape(-1, 3, *pixels.shape[1:3]).transpose(0, 2, 3, 1)


def turn(pixels, rng):
    """Return each patch in one of its eight positions."""
    planes = np.empty((len(pixels), 3, *pixels.shape[1:3]), pixels.dtype)
    positions = rng.integers(0, 2, (3, len(pixels))).T
    for up, left, over in np.unique(positions, axis=0):
        alike = np.flatnonzero((positions == (up, left, over)).all(axis=1))
        turned = pixels[alike][:, :: -1 if up else 1, :: -1 if left else 1]
        planes[alike] = turned.transpose(0, 3, 2, 1) if over else turned.transpose(0, 3, 1, 2)
    return planes.transpose(0, 2, 3, 1)


def stain(count, jitter, rng):
    """Return what absorbance is multiplied by, (count, 3, 3), and added to, (count, 1, 1).

    That is up to `jitter` more or less of each stain, and a third of it of light. Light is absorbed
    exponentially (Beer and Lambert), so more or less of a stain is linear in absorbance.
    """
    amount = rng.uniform(1 - jitter, 1 + jitter, (count, 3)).astype(np.float32)
    change = np.einsum("ij,nj,jk->nki", UNMIXED, amount, STAINS)
    light = rng.uniform(-jitter / 3, jitter / 3, (count, 1, 1)).astype(np.float32)
    return change, light


def colour(count, jitter, rng):
    """Return what colours are multiplied by, (count, 3, 3), and added to, (count, 3, 1).

    Saturation, contrast and each channel's level become up to `jitter` other.
    """
    saturation, contrast = rng.uniform(1 - jitter, 1 + jitter, (2, count, 1, 1)).astype(np.float32)
    level = rng.uniform(-jitter, jitter, (count, 3, 1)).astype(np.float32)
    change = contrast * (saturation * np.eye(3, dtype=np.float32) + (1 - saturation) * BRIGHTNESS)
    return change, GREY * (1 - contrast + level)
