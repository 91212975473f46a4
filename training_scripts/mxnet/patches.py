"""Patches as arrays: the one way in which training, evaluation and serving turn an image into pixels.

A network gets (patches, 50, 50, 3) RGB values from 0 to 255 and normalises them itself, so no caller can do
it differently.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

SIDE_PX = 50
WHITE = 255


def decode(encoded):
    """Return the pixels of a PNG or JPEG, (50, 50, 3) uint8.

    Raises:
        ValueError: it is no such image, is damaged, is not RGB or is larger than 50×50; says which.
    """
    try:
        with Image.open(io.BytesIO(encoded), formats=("PNG", "JPEG")) as image:
            check_size(*image.size)  # from the header: nothing is decoded yet
            if image.mode != "RGB":
                raise ValueError(f"image: {image.mode}, expected RGB")
            return pad(np.asarray(image)[None])[0]
    except Image.DecompressionBombError as error:
        raise ValueError(f"image: {error}, expected at most {SIDE_PX}×{SIDE_PX} pixels") from error
    except (OSError, SyntaxError) as error:  # what Pillow raises for damaged images
        raise ValueError(f"image: cannot be read ({error}), expected PNG or JPEG") from error


def check_size(width, height):
    """Raise a ValueError for a patch that is empty or larger than 50×50."""
    if not (1 <= width <= SIDE_PX and 1 <= height <= SIDE_PX):
        raise ValueError(f"image: {width}×{height} pixels, expected at most {SIDE_PX}×{SIDE_PX}")


def pad(pixels):
    """Return (patches, height, width, 3) uint8 in the upper left corner of white patches of 50×50."""
    count, height, width, _ = pixels.shape
    if (height, width) == (SIDE_PX, SIDE_PX):
        return pixels
    padded = np.full((count, SIDE_PX, SIDE_PX, 3), WHITE, dtype=np.uint8)
    padded[:, :height, :width] = pixels
    return padded
