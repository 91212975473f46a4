from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from shapely.geometry import shape

from idc.serving import heatmap, regions
from idc.serving.slide_records import TileRecord
from idc.serving.tiles import Grid


def tiles(grid: Grid, values: dict[tuple[int, int], float]) -> list[TileRecord]:
    found = []
    for (column, row), value in values.items():
        number = grid.number(column * 50, row * 50)
        assert number is not None
        found.append(TileRecord(number, value, value, "v1", 0.5))
    return found


def test_tiles_that_touch_along_a_side_are_one_region() -> None:
    grid = Grid(200, 150)
    ring = {(x, y): 0.6 for x in range(3) for y in range(3) if (x, y) != (1, 1)}
    found = regions.find(grid, tiles(grid, {**ring, (1, 1): 0.1, (3, 0): 0.49}))

    (region,) = found
    assert len(region.geometry.coordinates) == 2  # a hole
    assert shape(region.geometry.model_dump()).is_valid
    assert region.properties.area_px == 8 * 2500
    assert (region.properties.tiles, region.properties.mean_probability) == (8, pytest.approx(0.6))


def test_tiles_that_touch_at_a_corner_are_two_the_largest_first() -> None:
    grid = Grid(130, 100)
    found = regions.find(grid, tiles(grid, {(1, 0): 0.9, (0, 1): 0.5, (2, 1): 0.7}))
    assert [region.properties.area_px for region in found] == [2500, 2500, 30 * 50]
    assert {region.properties.max_probability for region in found} == {0.9, 0.5, 0.7}


def test_no_tile_no_region() -> None:
    assert regions.find(Grid(50, 50), tiles(Grid(50, 50), {(0, 0): 0.4})) == []


@pytest.mark.parametrize(("width", "height", "size"), [(120, 70, (120, 70)), (8000, 4000, (2000, 1000))])
def test_a_heatmap_has_the_slides_proportions(width: int, height: int, size: tuple[int, int]) -> None:
    grid = Grid(width, height)
    drawn = Image.open(io.BytesIO(heatmap.draw(grid, tiles(grid, {(0, 0): 1.0}))))
    assert (drawn.size, drawn.mode) == (size, "RGBA")
    alpha = np.asarray(drawn)[..., 3]
    scale = size[0] / width
    edge = round(50 * scale)
    assert (alpha[: edge - 1, : edge - 1] > 0).all()
    assert (alpha[edge + 1 :] == 0).all()
    assert (alpha[:, edge + 1 :] == 0).all()


def test_places_and_numbers_agree() -> None:
    grid = Grid(130, 70)
    assert (grid.columns, grid.rows, grid.count) == (3, 2, 6)
    assert [grid.number(*grid.place(number)) for number in range(6)] == list(range(6))
    assert grid.box(5) == (100, 50, 130, 70)
    for x, y in ((25, 0), (150, 0), (0, 100)):
        assert grid.number(x, y) is None
