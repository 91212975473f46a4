from __future__ import annotations

import colorsys
import io

import numpy as np
import pytest
from labelled_images import image
from PIL import Image

from embedded_aws.algorithms.image_classification import images
from embedded_aws.algorithms.image_classification.images import Geometry


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def ramp(height: int, width: int) -> np.ndarray:
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([rows * 4, columns * 4, rows + columns], axis=-1).astype(np.uint8)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_centre_is_cut_out() -> None:
    pixels = ramp(20, 30)
    assert np.array_equal(images.centred(png(pixels), Geometry(10, 10)), pixels[5:15, 10:20])


def test_resize_sets_the_shortest_side_and_small_images_are_enlarged() -> None:
    assert images.centred(png(ramp(20, 40)), Geometry(10, 20, resize=10)).shape == (10, 20, 3)
    assert images.centred(png(ramp(4, 5)), Geometry(10, 20)).shape == (10, 20, 3)


def test_without_augmentation_training_sees_what_validation_sees() -> None:
    encoded = png(ramp(20, 30))
    assert np.array_equal(
        images.varied(encoded, Geometry(10, 10), None, rng()), images.centred(encoded, Geometry(10, 10))
    )


def test_crops_and_flips_are_pieces_of_the_image() -> None:
    pixels = ramp(14, 14)
    pieces = {pixels[top : top + 10, left : left + 10].tobytes() for top in range(5) for left in range(5)} | {
        pixels[top : top + 10, left : left + 10][:, ::-1].tobytes() for top in range(5) for left in range(5)
    }
    draws = rng()
    seen = {images.varied(png(pixels), Geometry(10, 10), "crop", draws).tobytes() for _ in range(200)}
    assert seen <= pieces
    assert len(seen) > 40


def test_transformations_keep_the_middle_and_fill_with_white() -> None:
    pixels = np.full((40, 40, 3), 100, dtype=np.uint8)
    seen = [images.varied(png(pixels), Geometry(40, 40), "crop_color_transform", rng(n)) for n in range(20)]
    assert all((one[15:25, 15:25] == 100).all() for one in seen)
    assert any((one == 255).any() for one in seen)


def test_colours_change_within_the_documented_range() -> None:
    batch = np.tile(np.array([180, 90, 140], dtype=np.uint8), (300, 2, 2, 1))
    changed = images.recoloured(batch, rng())
    assert (changed == changed[:, :1, :1]).all()  # one change an image
    before = np.array(colorsys.rgb_to_hls(180 / 255, 90 / 255, 140 / 255))
    after = np.array([colorsys.rgb_to_hls(*(pixel / 255)) for pixel in changed[:, 0, 0]])
    hue = (after[:, 0] - before[0] + 0.5) % 1 - 0.5
    lightness = after[:, 1] - before[1]
    assert np.abs(hue).max() <= 36 / 180 + 0.02
    assert np.abs(hue).max() > 0.15
    assert np.abs(lightness).max() <= 50 / 255 + 0.01
    assert np.abs(lightness).max() > 0.15


def test_no_change_of_colour_is_no_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "COLOUR_RANGES", (0, 0, 0))
    batch = rng().integers(0, 256, (4, 8, 8, 3)).astype(np.uint8)
    assert np.array_equal(images.recoloured(batch, rng()), batch)


def test_grey_and_jpeg_are_read_as_rgb() -> None:
    stream = io.BytesIO()
    Image.new("L", (8, 8), 77).save(stream, "PNG")
    assert (images.centred(stream.getvalue(), Geometry(8, 8)) == 77).all()
    assert images.centred(image(0, kind="JPEG"), Geometry(12, 12)).shape == (12, 12, 3)


@pytest.mark.parametrize("encoded", [b"", b"GIF89a", b"<svg/>", image(0)[:60]])
def test_what_is_no_image_is_refused(encoded: bytes) -> None:
    with pytest.raises(ValueError, match="image that cannot be read"):
        images.centred(encoded, Geometry(8, 8))


def test_too_many_pixels_are_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MOST_PIXELS", 100)
    with pytest.raises(ValueError, match="image of 12×12 pixels, expected at most 100"):
        images.centred(image(0), Geometry(8, 8))
