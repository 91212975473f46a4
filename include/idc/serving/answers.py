"""Parse a model's raw answer, and give reasons to doubt it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

import numpy as np

from idc.converter.patches import PATCH_PX
from idc.serving.images import Pixels
from idc.serving.problems import MODEL_ERROR, Problem
from idc.serving.schemas import Reason

SUM_TOLERANCE = 0.01  # of two probabilities, which servers round
BACKGROUND_LEVEL = 220  # a pixel as light as this in red, green and blue is glass, not tissue
LEAST_TISSUE = 0.1
NEAR_ODDS = 1.5
UNIFORM_LEVELS = 4.0
COLOURLESS_LEVELS = 6.0

LITTLE_TISSUE = Reason(
    code="little_tissue", text=f"Less than {LEAST_TISSUE:.0%} of the patch is tissue; the rest is white."
)
UNIFORM = Reason(code="uniform", text="The patch is all of one colour: there is nothing to see.")
COLOURLESS = Reason(code="colourless", text="The patch has no colour, as a stain of H&E would have.")
PARTIAL = Reason(code="partial", text=f"Less than half of a patch of {PATCH_PX}×{PATCH_PX} pixels is there.")
NEAR = Reason(
    code="near_threshold", text=f"The odds are less than {NEAR_ODDS} times from those of the threshold."
)


@dataclass(frozen=True)
class Tissue:
    """Statistics of pixels that need no model."""

    share: float
    spread: float
    colour: float
    area: float

    @classmethod
    def of(cls, pixels: Pixels) -> Tissue:
        """Measure pixels of shape (height, width, 3)."""
        planes = np.ascontiguousarray(pixels.transpose(2, 0, 1))  # thrice as fast to look at
        light, dark = planes.min(axis=0), planes.max(axis=0)
        is_tissue = light < BACKGROUND_LEVEL
        count = int(np.count_nonzero(is_tissue))
        colour = float((dark - light)[is_tissue].mean()) if count else 0.0
        spread = float(planes.std(axis=(1, 2), dtype=np.float32).max())
        return cls(count / light.size, spread, colour, light.size / PATCH_PX**2)


def probability(body: bytes) -> float:
    """Return the probability of class 1 from the endpoint's `[p0, p1]`.

    Raises:
        Problem: it is no such answer.
    """
    try:
        zero, one = (float(value) for value in json.loads(body))
    except (ValueError, TypeError) as error:
        raise _wrong() from error
    if not (0 <= zero <= 1 and 0 <= one <= 1 and abs(zero + one - 1) < SUM_TOLERANCE):  # NaN is neither
        raise _wrong()
    return one


def doubts(tissue: Tissue, value: float, threshold: float) -> list[Reason]:
    """Return the reasons not to rely on a calibrated probability for these pixels."""
    found = []
    if tissue.share < LEAST_TISSUE:
        found.append(LITTLE_TISSUE)
    elif tissue.colour < COLOURLESS_LEVELS:
        found.append(COLOURLESS)
    if tissue.spread < UNIFORM_LEVELS:
        found.append(UNIFORM)
    if tissue.area < 0.5:
        found.append(PARTIAL)
    if abs(logit(value) - logit(threshold)) < math.log(NEAR_ODDS):
        found.append(NEAR)
    return found


def logit(value: float) -> float:
    """Return the logarithm of the odds; ±∞ at 1 and 0."""
    if value in (0.0, 1.0):
        return math.inf if value else -math.inf
    return math.log(value) - math.log1p(-value)


def _wrong() -> Problem:
    detail = "The model's answer: not two probabilities that add up to 1. Tell the operator."
    return Problem(MODEL_ERROR, detail)
