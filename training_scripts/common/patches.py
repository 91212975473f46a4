"""Patches as arrays: the one way in which training, evaluation and serving turn an image into pixels.

A network gets (patches, 50, 50, 3) RGB values from 0 to 255 and normalises them itself, so no caller can do
it differently. What the converter keeps out of a dataset is refused here too: Pillow is given nothing whose
header does not say a small 8-bit RGB image, and it alone would pass over damage it can guess its way around.
Sources: https://www.w3.org/TR/png-3/ and https://www.w3.org/Graphics/JPEG/itu-t81.pdf
"""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image

SIDE_PX = 50
WHITE = 255
PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
HEADER = struct.Struct(">2I5B")
RGB = 2
FRAMES = (0xC0, 0xC1, 0xC2)  # baseline, extended and progressive JPEG
OTHER_FRAMES = tuple(code for code in range(0xC3, 0xD0) if code not in (0xC4, 0xC8, 0xCC))


def decode(encoded):
    """Return the pixels of a PNG or JPEG, (50, 50, 3) uint8.

    Raises:
        ValueError: it is no such image, is damaged, is not RGB of 8 bits or is larger than 50×50; says which.
    """
    if encoded.startswith(PNG):
        size = check_png(encoded)
    elif encoded.startswith(JPEG):
        size = check_jpeg(encoded)
    else:
        raise ValueError("image: cannot be read, expected PNG or JPEG")
    try:
        with Image.open(io.BytesIO(encoded), formats=("PNG", "JPEG")) as image:
            if image.size != size:  # Pillow believes the last header, the checks the first
                raise ValueError("image: two headers that differ, expected one")
            if image.mode != "RGB":
                raise ValueError(f"image: {image.mode}, expected RGB")
            return pad(np.asarray(image)[None])[0]
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:  # of damaged images
        raise ValueError(f"image: cannot be read ({error}), expected PNG or JPEG") from error


def check_png(encoded):
    """Return a PNG's width and height; raise a ValueError unless it is a whole 8-bit RGB patch.

    Nothing large is unpacked.
    """
    if len(encoded) < 33 or encoded[8:16] != b"\0\0\0\rIHDR":
        raise ValueError("image: cannot be read (no header), expected PNG or JPEG")
    width, height, bits, colour, _, _, interlace = HEADER.unpack_from(encoded, 16)
    check_size(width, height)
    if (bits, colour) != (8, RGB):
        raise ValueError(f"image: PNG of colour type {colour} and {bits} bits, expected RGB of 8")
    at, kind, packed = len(PNG), b"", []
    while kind != b"IEND":
        if at + 12 > len(encoded):
            raise ValueError("image: cannot be read (cut short), expected PNG or JPEG")
        length, kind = struct.unpack_from(">I4s", encoded, at)
        end = at + 8 + length
        if end + 4 > len(encoded) or zlib.crc32(encoded[at + 4 : end]) != int.from_bytes(
            encoded[end : end + 4], "big"
        ):
            raise ValueError("image: cannot be read (a chunk is damaged), expected PNG or JPEG")
        if kind == b"IDAT":
            packed.append(encoded[at + 8 : end])
        if kind == b"IHDR" and at != len(PNG):
            raise ValueError("image: two headers, expected one")
        at = end + 4
    if not interlace:
        check_rows(b"".join(packed), 1 + 3 * width, height)
    return width, height


def check_rows(packed, row_bytes, height):
    """Raise a ValueError unless the packed rows are just those of the image, each with a known filter."""
    try:
        rows = zlib.decompressobj().decompress(packed, row_bytes * height + 1)
    except zlib.error as error:
        raise ValueError(f"image: cannot be read ({error}), expected PNG or JPEG") from error
    if len(rows) != row_bytes * height or max(rows[::row_bytes]) > 4:
        raise ValueError("image: cannot be read (other rows than its size), expected PNG or JPEG")


def check_jpeg(encoded):
    """Return the size in a JPEG's frame header; raise a ValueError unless it is of an 8-bit RGB patch."""
    at = 2
    while at + 10 <= len(encoded) and encoded[at] == 0xFF:
        marker, length = struct.unpack_from(">BH", encoded, at + 1)
        if marker == 0xFF:
            at += 1
        elif marker in FRAMES:
            bits, height, width, colours = struct.unpack_from(">BHHB", encoded, at + 4)
            check_size(width, height)
            if (bits, colours) != (8, 3):
                names = {1: "grey", 3: "RGB", 4: "CMYK"}
                raise ValueError(f"image: {names.get(colours, colours)} of {bits} bits, expected RGB of 8")
            return width, height
        elif marker in OTHER_FRAMES:
            raise ValueError(f"image: JPEG of kind {marker:#x}, expected a baseline or progressive one")
        else:
            at += 2 + length
    raise ValueError("image: cannot be read (no frame header), expected PNG or JPEG")


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
