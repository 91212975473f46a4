"""Pictures of tissue for the report: a montage of each class, and whole slides with the truth over them."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from idc.converter.patches import PATCH_PX, Patch
from idc.html.slides import Pixels, Slide, over, palette

COLUMNS, ROWS = 12, 5
SLIDE_PX = 620
TRUTH = (0, 135, 65)  # green stands out from hematoxylin's violet and eosin's pink
TRUTH_TINT = palette([(0, (*TRUTH, 0)), (1, (*TRUTH, 34))])

_GAP_PX = 2
_QUALITY = 88


@dataclass(frozen=True)
class SlidePicture:
    """One slide as it is shown: its tissue, and the truth as a layer with transparency."""

    patient: str
    number: int
    classes: tuple[int, int]
    tissue: Pixels
    truth: Pixels

    @property
    def name(self) -> str:
        """What its PNG is called."""
        return f"slide-{self.patient}-{self.number}"

    def png(self) -> bytes:
        """Return the tissue with the truth over it."""
        return encode_png(over(self.tissue, self.truth))


class SlideCanvas:
    """A slide under reconstruction, with the class of each of its patches."""

    def __init__(self, patches: list[Patch]) -> None:
        """Prepare the slide that these patches are all of."""
        self._patches = patches
        self._slide = Slide(np.array([(patch.x, patch.y) for patch in patches]), SLIDE_PX)

    def paste(self, patch: Patch, pixels: Pixels) -> None:
        """Put one patch at its place."""
        self._slide.paste(patch.x, patch.y, pixels)

    def picture(self) -> SlidePicture:
        """Return the slide as far as it has been pasted."""
        labels = np.array([patch.label for patch in self._patches])
        tint = self._slide.tint(labels.astype(float), TRUTH_TINT)
        line = self._slide.outline(labels == 1, TRUTH, width=3)
        truth = np.where(line[:, :, 3:] > 0, line, tint)
        zero, one = int((labels == 0).sum()), int((labels == 1).sum())
        first = self._patches[0]
        return SlidePicture(first.patient, first.slide, (zero, one), self._slide.pixels, truth)


def montage(patches: list[NDArray[np.uint8]]) -> Pixels:
    """Return up to 12×5 patches, each of shape (50, 50, 3), side by side on white."""
    shown = patches[: COLUMNS * ROWS]
    step = PATCH_PX + _GAP_PX
    rows = max(-(-len(shown) // COLUMNS), 1)
    sheet = np.full((rows * step - _GAP_PX, COLUMNS * step - _GAP_PX, 3), 255, dtype=np.uint8)
    for at, patch in enumerate(shown):
        top, left = at // COLUMNS * step, at % COLUMNS * step
        sheet[top : top + patch.shape[0], left : left + patch.shape[1]] = patch
    return sheet


def encode_png(pixels: Pixels) -> bytes:
    """Return a PNG of RGB or RGBA pixels."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def photograph_uri(pixels: Pixels) -> str:
    """Return RGB pixels as a `data:` URI; JPEG, a fifth of the size for tissue."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=_QUALITY, optimize=True, subsampling=0)
    return _uri("image/jpeg", stream.getvalue())


def layer_uri(pixels: Pixels) -> str:
    """Return RGBA pixels of few colours as a `data:` URI."""
    return _uri("image/png", encode_png(pixels))


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
