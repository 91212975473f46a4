"""patches.py follows the converter's rule for what a patch is; it stands apart because it travels alone."""

import importlib.util
import io
import struct
import zlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from idc.converter.images import PatchRefused, check_pixels, prepare

SCRIPT = Path(__file__).resolve().parents[4] / "training_scripts" / "common" / "patches.py"


@pytest.fixture(scope="module")
def patches() -> ModuleType:
    """The script's module, which needs only NumPy and Pillow."""
    spec = importlib.util.spec_from_file_location("mxnet_patches", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _encoded(width: int, height: int, kind: str = "PNG", mode: str = "RGB") -> bytes:
    pixels = np.random.default_rng(width * height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, kind)
    return file.getvalue()


def _png(width: int, height: int, bits: int = 8, extra: bytes = b"", end: bool = True) -> bytes:
    """Return an RGB PNG of one colour, with `extra` bytes after its rows."""
    rows = (b"\0" + bytes([160]) * (width * 3 * bits // 8)) * height + extra
    chunks = [
        b"IHDR" + struct.pack(">2I5B", width, height, bits, 2, 0, 0, 0),
        b"IDAT" + zlib.compress(rows),
        *([b"IEND"] if end else []),
    ]
    framed = [
        struct.pack(">I", len(each) - 4) + each + struct.pack(">I", zlib.crc32(each)) for each in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def _with_frame(marker: int) -> bytes:
    """Return a JPEG whose frame header claims to be of another kind."""
    image = bytearray(_encoded(50, 50, "JPEG"))
    image[image.index(b"\xff\xc0") + 1] = marker
    return bytes(image)


def _interlaced(image: bytes) -> bytes:
    """Return a PNG whose header says that its rows are interlaced, which they are not."""
    header = image[12:28] + b"\x01"
    return image[:12] + header + struct.pack(">I", zlib.crc32(header)) + image[33:]


def _with_second_header(side: int) -> bytes:
    """Return a PNG with another IHDR behind the first, which Pillow would believe."""
    image = _png(50, 50)
    header = b"IHDR" + struct.pack(">2I5B", side, side, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return image[:33] + chunk + image[33:]


def _with_second_frame(side: int) -> bytes:
    """Return a JPEG with another frame header behind the first, which Pillow would believe."""
    image = _encoded(50, 50, "JPEG")
    at = image.index(b"\xff\xc0")
    end = at + 2 + int.from_bytes(image[at + 2 : at + 4], "big")
    second = image[at : at + 5] + struct.pack(">2H", side, side) + image[at + 9 : end]
    return image[:end] + second + image[end:]


REFUSED = {
    "wide": _encoded(51, 50),
    "a large JPEG": _encoded(50, 51, "JPEG"),
    "GIF": _encoded(50, 50, "GIF"),
    "CMYK": _encoded(50, 50, "JPEG", "CMYK"),
    "a grey JPEG": _encoded(50, 50, "JPEG", "L"),
    "grey": _encoded(50, 50, "PNG", "L"),
    "a palette": _encoded(50, 50, "PNG", "P"),
    "RGBA": _encoded(50, 50, "PNG", "RGBA"),
    "16 bits a colour": _png(50, 50, bits=16),
    "60,000² pixels": _png(50, 50)[:16] + struct.pack(">2I", 60_000, 60_000) + _png(50, 50)[24:],
    "cut short": _encoded(50, 50)[:3000],
    "without an end": _png(50, 50, end=False),
    "too many rows": _png(50, 50, extra=bytes(151)),
    "a lossless JPEG": _with_frame(0xC3),
    "an arithmetic JPEG": _with_frame(0xC9),
    "badly interlaced": _interlaced(_png(50, 50)),
    "a second header of 60,000² pixels": _with_second_header(60_000),
    "a second header of a patch": _with_second_header(50),
    "a JPEG with a second frame header": _with_second_frame(600),
    "a JPEG with a second frame header of 60,000² pixels": _with_second_frame(60_000),
    "SVG": b"<svg/>",
    "nothing": b"",
}


def test_the_generated_png_is_otherwise_a_patch(patches: ModuleType) -> None:
    assert (patches.decode(_png(50, 50)) == 160).all()


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("size", [(50, 50), (50, 42), (42, 50), (50, 1), (1, 50), (7, 13), (1, 1)])
def test_pads_as_the_converter_does(patches: ModuleType, size: tuple[int, int], kind: str) -> None:
    image = _encoded(*size, kind)
    np.testing.assert_array_equal(patches.decode(image), patches.decode(prepare(image).encoded))
    assert patches.decode(image).shape == (50, 50, 3)


def converted(image: bytes) -> None:
    """What the converter does with an image: at once, and when it reads the shard back."""
    check_pixels(prepare(image).encoded)


@pytest.mark.parametrize("image", REFUSED.values(), ids=REFUSED)
def test_refuses_what_the_converter_refuses(patches: ModuleType, image: bytes) -> None:
    with pytest.raises(PatchRefused):
        converted(image)
    with pytest.raises(ValueError, match="expected"):
        patches.decode(image)


@pytest.mark.parametrize("whole", [_encoded(20, 20), _encoded(20, 20, "JPEG")], ids=["PNG", "JPEG"])
def test_agrees_with_the_converter_about_damaged_images(patches: ModuleType, whole: bytes) -> None:
    """What one of them takes and the other does not would be trained on and not served, or served unseen."""
    rng = np.random.default_rng(1)
    refused = 0
    for _ in range(300):
        image = bytearray(whole)
        for at in rng.integers(0, len(image), rng.integers(1, 4)):
            image[at] = rng.integers(0, 256)
        outcomes = []
        for take, refusal in ((converted, PatchRefused), (patches.decode, ValueError)):
            try:
                take(bytes(image))
                outcomes.append("taken")
            except refusal:
                outcomes.append("refused")
        assert outcomes[0] == outcomes[1]
        refused += outcomes[0] == "refused"
    assert refused > 10


def test_a_damaged_image_is_a_value_error_wherever_the_damage(patches: ModuleType) -> None:
    """What a server answers with 400 must not be another kind of error for some bytes."""
    rng = np.random.default_rng(0)
    for whole in (_encoded(20, 20), _encoded(20, 20, "JPEG")):
        for _ in range(400):
            image = bytearray(whole)
            for at in rng.integers(0, len(image), rng.integers(1, 6)):
                image[at] = rng.integers(0, 256)
            try:
                assert patches.decode(bytes(image)).shape == (50, 50, 3)
            except ValueError:
                continue
