"""Slides put together from patches are the slides the patches were cut from."""

from __future__ import annotations

import numpy as np
import pytest

from idc.html.slides import HEAT, Slide, over, palette

RED = (255, 0, 0)


def cut(slide: np.ndarray, left: int, top: int) -> list[tuple[int, int, np.ndarray]]:
    """Patches of a picture that lies at (left, top) on its slide; those at the edges are smaller."""
    height, width = slide.shape[:2]
    places = [(x, y) for y in range(0, height, 50) for x in range(0, width, 50)]
    return [(left + x, top + y, slide[y : y + 50, x : x + 50]) for x, y in places]


def whole(patches: list[tuple[int, int, np.ndarray]], longest_px: int = 1000) -> Slide:
    slide = Slide(np.array([(x, y) for x, y, _ in patches]), longest_px)
    for x, y, patch in patches:
        slide.paste(x, y, patch)
    return slide


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_a_slide_is_what_its_patches_were_cut_from() -> None:
    picture = noise(150, 220)
    patches = cut(picture, 1351, 1101)

    slide = whole(patches[::-1])

    assert slide.scale == 1
    assert slide.size == (250, 150)
    assert np.array_equal(slide.pixels[:, :220], picture)
    assert (slide.pixels[:, 220:] == 255).all()  # the last column of patches is 20 wide: white beyond


def test_gaps_are_white() -> None:
    slide = whole([(1, 1, noise(50, 50)), (101, 51, noise(50, 50))])

    assert slide.size == (150, 100)
    assert (slide.pixels[:50, 50:] == 255).all()
    assert (slide.pixels[50:, :100] == 255).all()


def test_a_large_slide_is_made_smaller_without_seams() -> None:
    grey = np.full((50, 50, 3), 90, dtype=np.uint8)
    slide = whole([(50 * x, 50 * y, grey) for x in range(37) for y in range(23)], longest_px=333)

    assert slide.size == (333, round(23 / 37 * 333))
    assert (slide.pixels == 90).all()


def test_patches_far_apart_stay_visible() -> None:
    slide = whole(
        [(0, 0, np.zeros((50, 50, 3), np.uint8)), (99_950, 0, np.zeros((50, 50, 3), np.uint8))], 100
    )

    assert slide.size == (100, 1)
    assert (slide.pixels[0, [0, -1]] == 0).all()


def test_a_slide_needs_patches() -> None:
    with pytest.raises(ValueError, match="no patches"):
        Slide(np.empty((0, 2), dtype=np.int64))


def test_each_patch_has_the_colour_of_its_value() -> None:
    slide = Slide(np.array([(0, 0), (50, 0), (0, 50), (50, 50)]))
    colours = palette([(0, (0, 0, 0, 0)), (1, (200, 100, 50, 255))])

    layer = slide.tint([0.0, 1.0, np.nan, 0.5], colours)

    assert layer.shape == (100, 100, 4)
    assert (layer[:50, :50] == 0).all()
    assert (layer[:50, 50:] == (200, 100, 50, 255)).all()
    assert (layer[50:, :50] == 0).all()
    assert np.abs(layer[50:, 50:].astype(int) - (100, 50, 25, 128)).max() <= 1


def test_values_beyond_the_scale_count_as_its_ends() -> None:
    slide = Slide(np.array([(0, 0), (50, 0)]))

    layer = slide.tint([-0.5, 1.5])

    assert layer[0, 0].tolist() == HEAT[0].tolist()
    assert layer[0, 99].tolist() == HEAT[255].tolist()


def test_every_patch_has_one_value() -> None:
    with pytest.raises(ValueError, match="zip"):
        Slide(np.array([(0, 0), (50, 0)])).tint([0.5])


def test_the_line_runs_round_the_area_and_not_between_its_patches() -> None:
    slide = Slide(np.array([(50 * x, 50 * y) for y in range(4) for x in range(4)]))
    chosen = np.zeros((4, 4), dtype=bool)
    chosen[1:3, 1:3] = True

    layer = slide.outline(chosen.ravel(), RED, width=2)

    expected = np.zeros((200, 200), dtype=bool)
    expected[50:150, 50:150] = True
    expected[52:148, 52:148] = False
    assert np.array_equal(layer[:, :, 3] == 255, expected)
    assert (layer[expected] == (*RED, 255)).all()


def test_a_layer_is_drawn_with_its_opacity() -> None:
    pixels = np.full((2, 2, 3), 100, dtype=np.uint8)
    layer = np.zeros((2, 2, 4), dtype=np.uint8)
    layer[0, 0] = (200, 200, 200, 128)

    drawn = over(pixels, layer)

    assert np.abs(drawn[0, 0].astype(int) - 150).max() <= 1
    assert (drawn[1] == 100).all()
