"""Only what trains safely gets in: RGB, PNG or JPEG, at most 50×50, whole."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from archives import picture
from hypothesis import given, strategies as st
from PIL import Image

from idc.converter import png
from idc.converter.images import PatchImage, PatchRefused, check_pixels, prepare

PNG = picture(200, 120, 160)
JPEG = picture(200, 120, 160, kind="JPEG")
NOISE = np.random.default_rng(1).integers(0, 256, (50, 50, 3), dtype=np.uint8)


def accept(image: bytes) -> PatchImage:
    """What a patch goes through: prepared when it is cut, its pixels checked when it is read back."""
    prepared = prepare(image)
    check_pixels(prepared.encoded)
    return prepared


def noise(kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(NOISE).save(stream, kind, **options)
    return stream.getvalue()


def with_size(width: int, height: int) -> bytes:
    """A PNG that only claims its size."""
    fields = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    crc = struct.pack(">I", zlib.crc32(b"IHDR" + fields))
    return PNG[:16] + fields + crc + PNG[33:]


@pytest.mark.parametrize(
    "image", [PNG, JPEG, noise(), noise("JPEG", progressive=True), noise("PNG", optimize=True)]
)
def test_a_good_patch_passes_byte_for_byte(image: bytes) -> None:
    prepared = accept(image)
    assert prepared.encoded == image
    assert not prepared.is_padded


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("size", [(50, 42), (1, 50), (50, 1), (2, 26), (1, 1)])
def test_a_small_patch_is_padded_with_white_at_the_right_and_below(kind: str, size: tuple[int, int]) -> None:
    original = picture(10, 20, 30, size=size, kind=kind)
    prepared = accept(original)
    pixels = np.asarray(Image.open(io.BytesIO(prepared.encoded)))
    width, height = size
    assert (prepared.width, prepared.height, prepared.is_padded) == (*size, True)
    assert pixels.shape == (50, 50, 3)
    assert (pixels[:height, :width] == np.asarray(Image.open(io.BytesIO(original)))).all()
    assert (pixels[height:] == 255).all()
    assert (pixels[:, width:] == 255).all()


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (b"", "neither PNG nor JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "neither PNG nor JPEG"),
        (b"a text named .png", "neither PNG nor JPEG"),
        (picture(1, 2, 3, kind="GIF"), "neither PNG nor JPEG"),
        (picture(1, 2, 3, kind="TIFF"), "neither PNG nor JPEG"),
        (with_size(60_000, 60_000), "60000×60000, expected at most 50×50"),
        (with_size(0, 50), "0×50"),
        (with_size(50, 49), "without just its pixels"),
        (picture(1, 2, 3, size=(51, 50)), "51×50"),
        (picture(1, 2, 3, size=(50, 600), kind="JPEG"), "50×600"),
        (picture(1, 2, 3, 4, mode="CMYK", kind="JPEG"), "CMYK of 8 bits"),
        (picture(7, mode="L", kind="JPEG"), "grey of 8 bits"),
        (picture(7, mode="L"), "grey of 8 bits"),
        (picture(7, mode="1"), "grey of 1 bits"),
        (picture(7, mode="P"), "a palette of 1 bits"),
        (picture(1, 2, 3, 4, mode="RGBA"), "RGBA of 8 bits"),
        (picture(7, mode="I;16"), "grey of 16 bits"),
        (PNG[:20], "without a header"),
        (PNG[:40], "cut short"),
        (PNG[:-1], "cut short"),
        (noise()[:-2000], "cut short"),
        (noise("JPEG")[:-500], "cannot be decoded"),
        (JPEG[:4], "without a header"),
        (b"\xff\xd8\xff\xc3\x00\x0b\x08\x002\x002\x03\x01\x11\x00", "JPEG of kind 0xc3"),
    ],
)
def test_another_image_is_refused_with_the_reason(image: bytes, reason: str) -> None:
    with pytest.raises(PatchRefused, match=reason):
        accept(image)


def test_a_bomb_inside_a_small_png_is_not_unpacked() -> None:
    bomb = png.assemble(50, 50, zlib.compress(bytes(50_000_000), 9))
    with pytest.raises(PatchRefused, match="without just its pixels"):
        accept(bomb)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_small_image_is_no_patch_of_a_shard(kind: str) -> None:
    with pytest.raises(PatchRefused, match="50×42, expected 50×50"):
        check_pixels(picture(1, 2, 3, size=(50, 42), kind=kind))


def test_an_interlaced_png_is_decoded() -> None:
    """Pillow cannot write one: the seven passes of a black patch are all zeros, filter bytes included."""
    starts = [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ]
    sizes = [(-(-(50 - x) // dx), -(-(50 - y) // dy)) for x, y, dx, dy in starts]
    rows = bytes(sum(height * (1 + 3 * width) for width, height in sizes))
    fields = struct.pack(">2I5B", 50, 50, 8, 2, 0, 0, 1)
    head = png.SIGNATURE + b"\0\0\0\rIHDR" + fields + struct.pack(">I", zlib.crc32(b"IHDR" + fields))
    plain = png.assemble(50, 50, zlib.compress(rows))
    assert not accept(head + plain[33:]).is_padded
    with pytest.raises(PatchRefused):
        accept(head + PNG[33:])


@given(position=st.integers(0, 10_000), value=st.integers(0, 255))
def test_a_changed_byte_of_a_png_is_found_or_harmless(position: int, value: int) -> None:
    whole = noise()
    position %= len(whole)
    changed = whole[:position] + bytes([value]) + whole[position + 1 :]
    try:
        prepared = accept(changed)
    except PatchRefused:
        return
    assert (np.asarray(Image.open(io.BytesIO(prepared.encoded))) == NOISE).all()


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_words(content: bytes) -> None:
    for start in (b"", png.SIGNATURE, b"\xff\xd8\xff"):
        with pytest.raises(PatchRefused):
            accept(start + content)


@given(width=st.integers(1, 50), height=st.integers(1, 50), seed=st.integers(0, 99))
def test_the_encoder_keeps_every_pixel(width: int, height: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image = png.encode(width, height, pixels.tobytes())
    png.check_pixels(image)
    assert (np.asarray(Image.open(io.BytesIO(image))) == pixels).all()
