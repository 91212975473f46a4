"""Mean colour and stain of sampled patches, class by class.

Stains by colour deconvolution after Ruifrok and Johnston (Analytical and Quantitative Cytology and Histology
23, 2001) as scikit-image implements it; amounts are in its units.
Source: https://scikit-image.org/docs/stable/api/skimage.color.html#skimage.color.rgb2hed
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from skimage.color import rgb2hed

QUANTITIES = ("red", "green", "blue", "hematoxylin", "eosin")


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation of a quantity over the patches of each class.

    `difference` is class 1 minus class 0 in pooled standard deviations (Cohen's d), 0 where nothing varies.
    """

    mean: tuple[float, float]
    deviation: tuple[float, float]
    difference: float


@dataclass
class Colours:
    """Grows by one patch at a time; each is kept as five means, `QUANTITIES`."""

    rows: dict[int, list[NDArray[np.float64]]] = field(default_factory=lambda: {0: [], 1: []})

    def add(self, label: int, pixels: NDArray[np.uint8]) -> None:
        """Take in one patch, shape (height, width, 3)."""
        self.rows[label].append(measured(pixels))

    def of(self, label: int, quantity: str) -> NDArray[np.float64]:
        """Return a quantity's mean in every patch of a class."""
        at = QUANTITIES.index(quantity)
        return np.array([row[at] for row in self.rows[label]], dtype=np.float64)

    def sampled(self) -> tuple[int, int]:
        """Return how many patches of class 0 and of class 1 were taken in."""
        return len(self.rows[0]), len(self.rows[1])

    def spread(self, quantity: str) -> Spread:
        """Return mean and deviation of a quantity; both classes must have been seen."""
        zero, one = self.of(0, quantity), self.of(1, quantity)
        deviations = float(zero.std()), float(one.std())
        pooled = float(np.hypot(*deviations)) / np.sqrt(2)
        means = float(zero.mean()), float(one.mean())
        return Spread(means, deviations, (means[1] - means[0]) / pooled if pooled else 0.0)

    def swatch(self, label: int) -> str:
        """Return the mean colour of a class as #rrggbb."""
        means = [round(float(self.of(label, name).mean())) for name in QUANTITIES[:3]]
        return "#{:02x}{:02x}{:02x}".format(*means)


def measured(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the mean of each of `QUANTITIES` over a patch, shape (height, width, 3)."""
    stains = rgb2hed(pixels)[..., :2].mean(axis=(0, 1))
    return np.concatenate([pixels.mean(axis=(0, 1)), stains])
