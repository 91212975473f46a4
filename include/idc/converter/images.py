"""What may enter a dataset: RGB images in PNG or JPEG of at most 50×50 pixels, told from their bytes.

An image of 50×50 passes byte for byte. A smaller one comes from the right or lower edge of a slide; it is
put in the upper left corner, where its coordinates are, of a white 50×50 patch. White is what a scanner shows
where there is no tissue; repeating or mirroring the edge would invent some, at worst out of a single row.
"""

from __future__ import annotations

import io
import struct
from typing import NamedTuple, Tuple

from PIL import Image

from idc.converter import png
from idc.converter.patches import PATCH_PX

WHITE = (255, 255, 255)

_JPEG_START = b"\xff\xd8\xff"
_JPEG_FRAMES = (0xC0, 0xC1, 0xC2)  # baseline, extended, progressive; Huffman coded
_JPEG_OTHER_FRAMES = tuple(code for code in range(0xC3, 0xD0) if code not in (0xC4, 0xC8, 0xCC))
_JPEG_COLOURS = {1: "grey", 4: "CMYK"}


class PatchRefused(Exception):
    """An image that does not enter the dataset: a recorded outcome, not a failure. The text says why."""


class PatchImage(NamedTuple):
    """Encoded bytes as they go into a shard, and the size in pixels they came with."""

    encoded: bytes
    width: int
    height: int

    @property
    def is_padded(self) -> bool:
        """Whether the image came smaller than a patch."""
        return (self.width, self.height) != (PATCH_PX, PATCH_PX)


def prepare(image: bytes) -> PatchImage:
    """Check an image's header and the CRC of every byte, and pad it if it is small.

    The pixels of a PNG of 50×50 are not unpacked, which takes twice as long as all else: `check_pixels` does
    it when the shard is read back.

    Raises:
        PatchRefused: it is not an RGB image in PNG or JPEG of at most 50×50, or is damaged.
    """
    if image.startswith(png.SIGNATURE):
        width, height = _check_png(image)
    elif image.startswith(_JPEG_START):
        width, height = _jpeg_size(image)
        _decode(image, (width, height))
    else:
        raise PatchRefused("is neither PNG nor JPEG")
    if (width, height) == (PATCH_PX, PATCH_PX):
        return PatchImage(image, width, height)
    return PatchImage(_pad(_decode(image, (width, height))), width, height)


def check_pixels(image: bytes) -> None:
    """Unpack all of an image that `prepare` has let pass.

    Raises:
        PatchRefused: it is no whole patch of 50×50.
    """
    prepared = prepare(image)
    if prepared.is_padded:
        raise PatchRefused(f"is {prepared.width}×{prepared.height}, expected {PATCH_PX}×{PATCH_PX}")
    if image.startswith(png.SIGNATURE) and not png.read_header(image).interlace:
        try:
            png.check_pixels(image)
        except ValueError as problem:
            raise PatchRefused(str(problem)) from problem


def _check_png(image: bytes) -> Tuple[int, int]:
    try:
        header = png.read_header(image)
        _check_size(header.width, header.height)
        if header.colour != png.RGB or header.bit_depth != 8:
            raise PatchRefused(f"is {header.colour_name} of {header.bit_depth} bits, expected RGB of 8")
        if header.interlace:
            _decode(image, (header.width, header.height))
        elif (header.width, header.height) != (PATCH_PX, PATCH_PX):
            png.check_pixels(image)
        else:
            png.check_chunks(image)
    except ValueError as problem:
        raise PatchRefused(str(problem)) from problem
    return header.width, header.height


def _jpeg_size(image: bytes) -> Tuple[int, int]:
    """Return width and height from the frame header, found by skipping from marker to marker."""
    at = 2
    while at + 10 <= len(image) and image[at] == 0xFF:
        marker, length = struct.unpack_from(">BH", image, at + 1)
        if marker == 0xFF:
            at += 1
        elif marker in _JPEG_FRAMES:
            bits, height, width, colours = struct.unpack_from(">BHHB", image, at + 4)
            _check_size(width, height)
            if colours != 3 or bits != 8:
                name = _JPEG_COLOURS.get(colours, f"of {colours} colours")
                raise PatchRefused(f"is {name} of {bits} bits, expected RGB of 8")
            return width, height
        elif marker in _JPEG_OTHER_FRAMES:
            raise PatchRefused(f"is a JPEG of kind {marker:#x}, expected a baseline or progressive one")
        else:
            at += 2 + length
    raise PatchRefused("is a JPEG without a header")


def _check_size(width: int, height: int) -> None:
    if not (1 <= width <= PATCH_PX and 1 <= height <= PATCH_PX):
        raise PatchRefused(f"is {width}×{height}, expected at most {PATCH_PX}×{PATCH_PX}")


def _decode(image: bytes, size: Tuple[int, int]) -> Image.Image:
    """Decode an image whose first header says this size: Pillow believes the last one."""
    try:
        with Image.open(io.BytesIO(image), formats=("PNG", "JPEG")) as opened:
            if opened.size != size:
                raise PatchRefused("has two headers that differ")
            opened.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:  # of damaged images
        raise PatchRefused(f"cannot be decoded ({error})") from error
    if opened.mode != "RGB":
        raise PatchRefused(f"is {opened.mode}, expected RGB")
    return opened


def _pad(image: Image.Image) -> bytes:
    patch = Image.new("RGB", (PATCH_PX, PATCH_PX), WHITE)
    patch.paste(image, (0, 0))
    return png.encode(PATCH_PX, PATCH_PX, patch.tobytes())
