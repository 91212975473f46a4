"""patches.py follows the converter's rule for what a patch is; it stands apart because it travels alone."""

import importlib.util
import io
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from idc.dataset.images import PatchRefused, prepare

SCRIPT = Path(__file__).resolve().parents[4] / "training_scripts" / "mxnet" / "patches.py"


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


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("size", [(50, 50), (50, 42), (42, 50), (50, 1), (1, 50), (7, 13), (1, 1)])
def test_pads_as_the_converter_does(patches: ModuleType, size: tuple[int, int], kind: str) -> None:
    image = _encoded(*size, kind)
    np.testing.assert_array_equal(patches.decode(image), patches.decode(prepare(image).encoded))
    assert patches.decode(image).shape == (50, 50, 3)


@pytest.mark.parametrize(
    "image",
    [
        _encoded(51, 50),
        _encoded(50, 51, "JPEG"),
        _encoded(50, 50, "GIF"),
        _encoded(50, 50, "JPEG", "CMYK"),
        _encoded(50, 50, "PNG", "L"),
        _encoded(50, 50, "PNG", "P"),
        _encoded(50, 50, "PNG", "RGBA"),
        _encoded(50, 50)[:3000],
        b"<svg/>",
        b"",
    ],
)
def test_refuses_what_the_converter_refuses(patches: ModuleType, image: bytes) -> None:
    with pytest.raises(PatchRefused):
        prepare(image)
    with pytest.raises(ValueError, match="expected"):
        patches.decode(image)


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
