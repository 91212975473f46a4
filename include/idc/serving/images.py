"""What may be scored: PNG and JPEG in colour, told from their bytes, their size read before their pixels.

Nothing but these two formats is opened, and nothing larger than allowed is decoded.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from idc.converter.patches import PATCH_PX
from idc.serving.problems import DAMAGED_IMAGE, NOT_A_PATCH, TOO_LARGE, UNSUPPORTED_TYPE, Problem

Pixels = NDArray[np.uint8]

FORMATS = ("PNG", "JPEG")
WHITE = (255, 255, 255)

_SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
_SIGNATURE_BYTES = 8
# What Pillow raises for damaged images, and for those it will not open for their size.
_DAMAGE = (OSError, ValueError, SyntaxError, EOFError, IndexError, OverflowError)
_BOMB = (Image.DecompressionBombError, Image.DecompressionBombWarning)


@dataclass(frozen=True)
class Patch:
    """A patch as the endpoint gets it, `encoded`, and its own pixels, shape (height, width, 3)."""

    encoded: bytes
    pixels: Pixels


def read_patch(image: bytes) -> Patch:
    """Return a patch of at most 50×50; what a smaller one lacks becomes white, as it did in the dataset.

    Raises:
        Problem: it is neither PNG nor JPEG, is larger, not in colour, or damaged.
    """
    opened = _open(io.BytesIO(image), PATCH_PX * PATCH_PX)
    width, height = opened.size
    if max(width, height) > PATCH_PX:
        detail = (
            f"The image: {width}×{height} pixels, expected at most {PATCH_PX}×{PATCH_PX}. "
            "Send larger images to /v1/slides."
        )
        raise Problem(NOT_A_PATCH, detail)
    pixels = np.asarray(_flat(_loaded(opened)))
    if (width, height) == (PATCH_PX, PATCH_PX) and opened.mode == "RGB":
        return Patch(image, pixels)
    return Patch(encoded(padded(pixels)), pixels)


def slide_size(file: BinaryIO, most_pixels: int) -> tuple[int, int]:
    """Return a slide's width and height from its header alone.

    Raises:
        Problem: it is neither PNG nor JPEG, too large, or not in colour.
    """
    opened = _open(file, most_pixels)
    width, height = opened.size
    if width * height > most_pixels:
        raise _too_many_pixels(f"{width}×{height} pixels", most_pixels)
    _check_mode(opened)
    return width, height


class SlideImage:
    """A slide decoded whole, of which tiles are cut; its size has been checked."""

    def __init__(self, file: BinaryIO, most_pixels: int) -> None:
        """Decode the image, 4 bytes a pixel.

        Raises:
            Problem: it is damaged.
        """
        self._image = _loaded(_open(file, most_pixels))

    def tile(self, box: tuple[int, int, int, int]) -> Pixels:
        """Return the pixels of the tile with this left, top, right and bottom within the slide."""
        return np.asarray(_flat(self._image.crop(box)))


def padded(pixels: Pixels) -> Pixels:
    """Return 50×50 pixels whose upper left corner these are, the rest white."""
    whole = np.full((PATCH_PX, PATCH_PX, 3), 255, dtype=np.uint8)
    whole[: pixels.shape[0], : pixels.shape[1]] = pixels
    return whole


def encoded(pixels: Pixels) -> bytes:
    """Return pixels as a PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _open(file: BinaryIO, most_pixels: int) -> Image.Image:
    """Read an image's header."""
    start = file.read(_SIGNATURE_BYTES)
    file.seek(0)
    if not start.startswith(_SIGNATURES):
        raise Problem(UNSUPPORTED_TYPE, "The image: neither PNG nor JPEG by its first bytes. Convert it.")
    try:
        return Image.open(file, formats=FORMATS)
    except _BOMB as error:
        raise _too_many_pixels("too many pixels", most_pixels) from error
    except _DAMAGE as error:
        raise Problem(DAMAGED_IMAGE, "The image: its header cannot be read. Send it again.") from error


def _loaded(opened: Image.Image) -> Image.Image:
    """Decode an image."""
    _check_mode(opened)
    try:
        opened.load()
    except (*_DAMAGE, *_BOMB) as error:
        raise Problem(DAMAGED_IMAGE, "The image: cut short or damaged. Send it again.") from error
    return opened


def _flat(image: Image.Image) -> Image.Image:
    """Return an image in RGB; what is transparent becomes white."""
    if image.mode == "RGB":
        return image
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, (*WHITE, 255)), layer).convert("RGB")


def _check_mode(opened: Image.Image) -> None:
    if opened.mode not in ("RGB", "RGBA", "P"):
        detail = f"The image: of mode {opened.mode}, expected 8-bit RGB. Convert it."
        raise Problem(NOT_A_PATCH, detail)


def _too_many_pixels(observed: str, most: int) -> Problem:
    return Problem(TOO_LARGE, f"The image: {observed}, expected at most {most} pixels. Send a part of it.")
