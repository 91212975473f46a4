"""Patches as other scanners, laboratories and turns of a slide would show them: NumPy arrays in and out.

The same file in every variant, so that all of them learn from the same pictures.
"""

from __future__ import annotations

import numpy as np

# Absorbance of haematoxylin, eosin and DAB in red, green and blue: Ruifrok and Johnston (2001),
# Quantification of histochemical staining by color deconvolution, Anal Quant Cytol Histol 23.
STAINS = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]], dtype=np.float32)
ABSORBANCE = -np.log((np.arange(256, dtype=np.float32) + 1) / 256)
# How bright an eye finds red, green and blue: ITU-R BT.601.
BRIGHTNESS = np.array([0.299, 0.587, 0.114], dtype=np.float32)
GREY = 128


def augment(pixels, stain_jitter, colour_jitter, rng):
    """Return patches (patches, 50, 50, 3) uint8, each turned, mirrored, stained and coloured at random."""
    pixels = turn(pixels, rng)
    if not (stain_jitter or colour_jitter):
        return pixels
    colours = colour(stain(pixels.reshape(len(pixels), -1, 3), stain_jitter, rng), colour_jitter, rng)
    return np.clip(colours, 0, 255, out=colours).astype(np.uint8).reshape(pixels.shape)


def turn(pixels, rng):
    """Return each patch in one of its eight positions."""
    turned = np.empty_like(pixels)
    for at, (up, left, over) in enumerate(rng.integers(0, 2, (3, len(pixels))).T):
        patch = pixels[at, :: -1 if up else 1, :: -1 if left else 1]
        turned[at] = patch.transpose(1, 0, 2) if over else patch
    return turned


def stain(colours, jitter, rng):
    """Return (patches, pixels, 3) float32 with up to `jitter` more or less of each stain, and of light.

    Light is absorbed exponentially (Beer and Lambert), so more or less of a stain is linear in absorbance.
    """
    amount = rng.uniform(1 - jitter, 1 + jitter, (len(colours), 3)).astype(np.float32)
    change = np.einsum("ij,nj,jk->nik", np.linalg.inv(STAINS), -amount, STAINS)
    light = rng.uniform(-jitter / 3, jitter / 3, (len(colours), 1, 1)).astype(np.float32)
    let_through = ABSORBANCE.take(colours) @ change
    np.exp(let_through, out=let_through)
    let_through *= 256 * np.exp(-light)
    let_through -= 1
    return let_through


def colour(colours, jitter, rng):
    """Return (patches, pixels, 3) with saturation, contrast and each channel's level up to `jitter` other."""
    count = len(colours)
    saturation, contrast = rng.uniform(1 - jitter, 1 + jitter, (2, count, 1, 1)).astype(np.float32)
    level = rng.uniform(-jitter, jitter, (count, 1, 3)).astype(np.float32)
    grey = np.repeat(BRIGHTNESS[:, None], 3, axis=1)
    change = contrast * (saturation * np.eye(3, dtype=np.float32) + (1 - saturation) * grey)
    changed = colours @ change
    changed += GREY * (1 - contrast + level)
    return changed
