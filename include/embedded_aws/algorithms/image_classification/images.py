"""Encoded images as the network's input: the same steps in training, validation and serving.

An image is made RGB, its shortest side becomes `resize` if that is set, it is enlarged if it is still
smaller than the input, and the centre is cut out; training cuts out a part at random instead, and varies it
as `augmentation_type` says.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/IC-Hyperparameter.html
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MOST_PIXELS = 64_000_000
MOST_DEGREES, MOST_SHEAR, MOST_ASPECT = 10.0, 0.1, 0.25
WHITE = (255, 255, 255)
# Of hue, saturation and lightness, where a circle has 180 units of hue and the others go from 0 to 255.
COLOUR_RANGES = (36 / 180, 50 / 255, 50 / 255)
HUE_SECTORS = 6

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Geometry:
    """Height and width of the input in pixels, and the shortest side before the cut."""

    height: int
    width: int
    resize: int | None = None


def decode(encoded: bytes) -> Image.Image:
    """The image as RGB.

    Raises:
        ValueError: it is no PNG or JPEG, is damaged or has too many pixels; says which.
    """
    try:
        image = Image.open(io.BytesIO(encoded), formats=("PNG", "JPEG"))
        if math.prod(image.size) > MOST_PIXELS:  # known from its header: nothing is decoded yet
            raise ValueError(f"image of {image.width}×{image.height} pixels, expected at most {MOST_PIXELS}")
        return image.convert("RGB")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"image that cannot be read ({error}), expected a PNG or JPEG") from error


def centred(encoded: bytes, geometry: Geometry) -> Pixels:
    """The input for validation and serving, (height, width, 3).

    Raises:
        ValueError: the image cannot be read.
    """
    image = _fitted(decode(encoded), geometry)
    left, top = (image.width - geometry.width) // 2, (image.height - geometry.height) // 2
    return _cut(image, left, top, geometry)


def varied(encoded: bytes, geometry: Geometry, kind: str | None, rng: np.random.Generator) -> Pixels:
    """The input for training, (height, width, 3); colours are varied a batch at a time.

    Raises:
        ValueError: the image cannot be read.
    """
    if kind is None:
        return centred(encoded, geometry)
    image = decode(encoded)
    if kind == "crop_color_transform":
        image = _transformed(image, rng)
    image = _fitted(image, geometry)
    left = int(rng.integers(image.width - geometry.width + 1))
    top = int(rng.integers(image.height - geometry.height + 1))
    pixels = _cut(image, left, top, geometry)
    return pixels[:, ::-1] if rng.integers(2) else pixels


def recoloured(batch: Pixels, rng: np.random.Generator) -> Pixels:
    """Images (images, height, width, 3), each with a random change of hue, saturation and lightness."""
    drawn: NDArray[Any] = rng.uniform(-1, 1, (len(batch), 3, 1, 1)) * np.reshape(COLOUR_RANGES, (1, 3, 1, 1))
    change = drawn.astype(np.float32)
    hue, saturation, lightness = _to_hsl(batch.astype(np.float32) / np.float32(255))
    hue = (hue + change[:, 0]) % 1
    saturation = np.clip(saturation + change[:, 1], 0, 1)
    lightness = np.clip(lightness + change[:, 2], 0, 1)
    return np.rint(_from_hsl(hue, saturation, lightness) * 255).astype(np.uint8)


def _fitted(image: Image.Image, geometry: Geometry) -> Image.Image:
    scale = geometry.resize / min(image.size) if geometry.resize else 1.0
    width, height = round(image.width * scale), round(image.height * scale)
    missing = max(geometry.width / max(width, 1), geometry.height / max(height, 1), 1.0)
    size = max(math.ceil(width * missing), geometry.width), max(math.ceil(height * missing), geometry.height)
    return image if size == image.size else image.resize(size, Image.Resampling.BILINEAR)


def _cut(image: Image.Image, left: int, top: int, geometry: Geometry) -> Pixels:
    return np.asarray(image)[top : top + geometry.height, left : left + geometry.width]


def _transformed(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Turned, sheared and stretched at random about the centre; white where there was nothing."""
    angle = math.radians(rng.uniform(-MOST_DEGREES, MOST_DEGREES))
    shear = rng.uniform(-MOST_SHEAR, MOST_SHEAR)
    stretch = math.sqrt(1 + rng.uniform(-MOST_ASPECT, MOST_ASPECT))
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    matrix = turn @ np.array([[1, shear], [0, 1]]) @ np.diag([stretch, 1 / stretch])
    centre = np.array([image.width / 2, image.height / 2])
    offset = centre - matrix @ centre
    coefficients = (*matrix[0], offset[0], *matrix[1], offset[1])
    return image.transform(
        image.size, Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR, fillcolor=WHITE
    )


def _to_hsl(rgb: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Hue, saturation and lightness, each from 0 to 1.

    Source: https://www.w3.org/TR/css-color-3/#hsl-color
    """
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    high, low = rgb.max(axis=-1), rgb.min(axis=-1)
    spread, lightness = high - low, (high + low) / 2
    safe = np.where(spread == 0, 1, spread)
    hue = np.where(high == red, (green - blue) / safe, (red - green) / safe + 4)
    hue = np.where((high == green) & (high != red), (blue - red) / safe + 2, hue)
    room = 1 - np.abs(2 * lightness - 1)
    saturation = spread / np.where(room == 0, 1, room)
    return (hue / HUE_SECTORS) % 1, np.clip(saturation, 0, 1), lightness


def _from_hsl(hue: NDArray[Any], saturation: NDArray[Any], lightness: NDArray[Any]) -> NDArray[np.float32]:
    """RGB from 0 to 1, of shape (…, 3)."""
    reach = saturation * np.minimum(lightness, 1 - lightness)
    channels = []
    for offset in (0, 8, 4):
        place = (offset + hue * 12) % 12
        channels.append(lightness - reach * np.clip(np.minimum(place - 3, 9 - place), -1, 1))
    rgb: NDArray[np.float32] = np.clip(np.stack(channels, axis=-1), 0, 1).astype(np.float32)
    return rgb
