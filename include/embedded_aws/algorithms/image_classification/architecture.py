"""Which networks there are, without the framework they are built in."""

from __future__ import annotations

from dataclasses import dataclass

SMALL = (20, 32, 44, 56, 110)
LARGE = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    200: (3, 24, 36, 3),
}
FIRST_WITH_BOTTLENECKS = 50


@dataclass(frozen=True)
class Architecture:
    """What decides a network: two artifacts of one architecture have the same symbol and shapes."""

    num_layers: int
    num_classes: int
    image_shape: tuple[int, int, int]
    multi_label: bool = False
