"""Draw slides from their patches: predicted probability over the tissue, and the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from idc.convert.report.pictures import SLIDE_PX, TRUTH, TRUTH_TINT, encode_png
from idc.evaluate.patients import PatientRow
from idc.evaluate.report.mistakes import SlideChoice
from idc.html.slides import HEAT, Pixels, Slide, over

ANSWER = (0, 60, 110)  # the line round what the model calls class 1; the heat's own darkest
_GAP_PX, _HEADING_PX = 16, 18


@dataclass(frozen=True, eq=False)
class Heatmap:
    """One slide: the probability over its tissue, and the truth over its tissue."""

    row: PatientRow
    slide: int
    patches: int
    predicted: Pixels
    truth: Pixels

    def png(self) -> bytes:
        """Return both side by side, each under its name."""
        height, width = self.predicted.shape[:2]
        sheet = Image.new("RGB", (2 * width + _GAP_PX, height + _HEADING_PX), "white")
        words = ImageDraw.Draw(sheet)
        sides = (("probability of IDC (research, not diagnosis)", self.predicted), ("truth", self.truth))
        for place, (name, pixels) in enumerate(sides):
            left = place * (width + _GAP_PX)
            words.text((left, 2), name, fill=(32, 36, 43))
            sheet.paste(Image.fromarray(pixels), (left, _HEADING_PX))
        return encode_png(np.asarray(sheet))


class HeatmapCanvas:
    """A slide under reconstruction, with the probability and the truth of each of its patches."""

    def __init__(self, choice: SlideChoice, threshold: float) -> None:
        """Prepare the slide that these patches are all of."""
        self._choice, self._threshold = choice, threshold
        self._slide = Slide(np.array([(patch.x, patch.y) for patch in choice.patches]), SLIDE_PX)
        self._places = {patch.name: (patch.x, patch.y) for patch in choice.patches}

    @property
    def names(self) -> Sequence[str]:
        """The patches that have to be pasted."""
        return list(self._places)

    def paste(self, name: str, pixels: Pixels) -> None:
        """Put one patch at its place."""
        self._slide.paste(*self._places[name], pixels)

    def heatmap(self) -> Heatmap:
        """Return the slide as far as it has been pasted."""
        probability, tissue = self._choice.probability, self._slide.pixels
        labels = np.array([patch.label for patch in self._choice.patches])
        heat = self._slide.tint(probability, HEAT)
        answer = self._slide.outline(probability >= self._threshold, ANSWER)
        tint, line = (
            self._slide.tint(labels.astype(float), TRUTH_TINT),
            self._slide.outline(labels == 1, TRUTH),
        )
        first = self._choice.patches[0]
        return Heatmap(
            self._choice.row,
            first.slide,
            len(labels),
            over(tissue, heat, answer),
            over(tissue, tint, line),
        )
