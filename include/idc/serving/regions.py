"""Regions of a slide: tiles at or above the threshold that touch along a side, as polygons in pixels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import shapely  # type: ignore[import-untyped]  # there are no types of it
from shapely.geometry import Polygon as Shape  # type: ignore[import-untyped]  # the same
from shapely.geometry.polygon import orient  # type: ignore[import-untyped]  # the same

from idc.serving.schemas import Polygon, Region, RegionProperties
from idc.serving.slide_records import TileRecord
from idc.serving.tiles import Grid


def find(grid: Grid, tiles: Sequence[TileRecord]) -> list[Region]:
    """Return the regions, the largest first."""
    positive = [tile for tile in tiles if tile.is_positive]
    if not positive:
        return []
    boxes = shapely.box(*np.array([grid.box(tile.number) for tile in positive], dtype=float).T)
    merged = shapely.get_parts(shapely.union_all(boxes))
    values: dict[int, list[float]] = defaultdict(list)
    # Rows of the answer: the tiles' centres, and the merged shapes they lie in.
    for tile, region in shapely.STRtree(merged).query(shapely.centroid(boxes), predicate="within").T:
        values[int(region)].append(positive[int(tile)].probability)
    found = [_region(shape, values[number]) for number, shape in enumerate(merged)]
    return sorted(found, key=lambda region: -region.properties.area_px)


def _region(shape: Shape, values: Sequence[float]) -> Region:
    outline = orient(shape.simplify(0))
    rings = [outline.exterior, *outline.interiors]
    properties = RegionProperties(
        area_px=shape.area,
        tiles=len(values),
        mean_probability=float(np.mean(values)),
        max_probability=max(values),
    )
    coordinates = [[(float(x), float(y)) for x, y in ring.coords] for ring in rings]
    return Region(geometry=Polygon(type="Polygon", coordinates=coordinates), properties=properties)
