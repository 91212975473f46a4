from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from idc.serving import images
from idc.serving.images import SlideImage
from idc.serving.problems import Problem

PIXELS = np.random.default_rng(0).integers(0, 256, (50, 50, 3), dtype=np.uint8)


def file_of(pixels: np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def name_of(image: bytes) -> str:
    with pytest.raises(Problem) as caught:
        images.read_patch(image)
    return caught.value.kind.name


def test_a_whole_patch_is_sent_byte_for_byte() -> None:
    for kind in ("PNG", "JPEG"):
        body = file_of(PIXELS, kind)
        assert images.read_patch(body).encoded == body


def test_a_small_patch_is_padded_with_white_as_in_the_dataset() -> None:
    patch = images.read_patch(file_of(PIXELS[:20, :30]))
    sent = np.asarray(Image.open(io.BytesIO(patch.encoded)))
    assert patch.pixels.shape == (20, 30, 3)
    np.testing.assert_array_equal(sent[:20, :30], PIXELS[:20, :30])
    assert (sent[20:] == 255).all()
    assert (sent[:, 30:] == 255).all()


def test_what_is_transparent_becomes_white_and_palettes_are_resolved() -> None:
    layer = np.dstack([PIXELS, np.full((50, 50), 255, dtype=np.uint8)])
    layer[0, 0, 3] = 0
    assert tuple(images.read_patch(file_of(layer)).pixels[0, 0]) == (255, 255, 255)
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).quantize(16).save(buffer, "PNG")
    patch = images.read_patch(buffer.getvalue())
    assert Image.open(io.BytesIO(patch.encoded)).mode == "RGB"


def test_other_images_are_refused_with_the_reason() -> None:
    assert name_of(file_of(np.zeros((51, 50, 3), np.uint8))) == "not-a-patch"
    assert name_of(file_of(PIXELS[..., 0])) == "not-a-patch"
    assert name_of(file_of(PIXELS)[:-30]) == "damaged-image"
    assert name_of(file_of(PIXELS, "JPEG")[:300]) == "damaged-image"
    assert name_of(file_of(PIXELS, "BMP")) == "unsupported-type"
    assert name_of(b"") == "unsupported-type"
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).convert("CMYK").save(buffer, "JPEG")
    assert name_of(buffer.getvalue()) == "not-a-patch"


@pytest.mark.parametrize("side", [9_000, 12_000, 60_000, 2**31 - 1])
def test_a_bomb_is_refused_by_its_header(side: int) -> None:
    header = struct.pack(">I4s2I5B", 13, b"IHDR", side, side, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + header + struct.pack(">I", zlib.crc32(header[4:]))
    bomb += struct.pack(">I4s", 1 << 30, b"IDAT")
    assert name_of(bomb) in ("not-a-patch", "too-large")
    with pytest.raises(Problem) as caught:
        images.slide_size(io.BytesIO(bomb), 80_000_000)
    assert caught.value.kind.name == "too-large"
    assert "at most 80000000 pixels" in caught.value.detail


def test_tiles_of_a_slide_end_where_it_ends() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (70, 120, 3), dtype=np.uint8)
    slide = SlideImage(io.BytesIO(file_of(pixels)), pixels.size)
    np.testing.assert_array_equal(slide.tile((100, 50, 120, 70)), pixels[50:70, 100:120])
    np.testing.assert_array_equal(slide.tile((50, 0, 100, 50)), pixels[:50, 50:100])
