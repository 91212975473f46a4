"""What is measured of a patch without a model: stains, colour, how much of it is tissue, contrast."""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import Image, UnidentifiedImageError

from idc.convert.report.colours import QUANTITIES as COLOURS, measured
from idc.converter.patches import PATCH_PX
from idc.evaluate.bootstrap import Floats
from idc.serving.answers import Tissue

PROBABILITY = "probability"
OF_IMAGE = (*COLOURS, "tissue", "contrast")
# As pages name them, with their units.
NAMES = {
    PROBABILITY: "probability of IDC",
    "hematoxylin": "hematoxylin, mean amount",
    "eosin": "eosin, mean amount",
    "red": "red, mean level",
    "green": "green, mean level",
    "blue": "blue, mean level",
    "tissue": "share of tissue",
    "contrast": "contrast, spread of levels",
}
_DAMAGE = (OSError, ValueError, SyntaxError, EOFError, IndexError, OverflowError, struct.error)
_BOMB = (Image.DecompressionBombError, Image.DecompressionBombWarning)


def of_image(image: bytes) -> Floats:
    """Return the quantities `OF_IMAGE` of an encoded patch.

    Raises:
        ValueError: it is no PNG or JPEG of at most 50×50 pixels.
    """
    try:
        with Image.open(io.BytesIO(image), formats=("PNG", "JPEG")) as opened:
            width, height = opened.size
            if max(width, height) > PATCH_PX:
                raise ValueError(f"an image of {width}×{height} pixels, expected {PATCH_PX}×{PATCH_PX}")
            pixels = np.asarray(opened.convert("RGB"))
    except UnidentifiedImageError as error:  # its words hold an address in memory, other ones each time
        raise ValueError("no PNG or JPEG") from error
    except _BOMB as error:
        raise ValueError(str(error)) from error
    except _DAMAGE as error:
        raise ValueError(str(error) or type(error).__name__) from error
    tissue = Tissue.of(pixels)
    return np.concatenate([measured(pixels), [tissue.share, tissue.spread]])
