"""Small labelled images for tests of image classification: class 1 is dark, class 0 bright."""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import Image

MAGIC = 0xCED7230A
BRIGHTNESS = (200, 60)


def image(label: int, seed: int = 0, size: tuple[int, int] = (12, 12), kind: str = "PNG") -> bytes:
    """A noisy image of a class; size is width and height."""
    noise = np.random.default_rng([seed, label]).normal(BRIGHTNESS[label], 20, (size[1], size[0], 3))
    stream = io.BytesIO()
    Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8)).save(stream, kind)
    return stream.getvalue()


def record(payload: bytes) -> bytes:
    """A payload framed as one part."""
    return struct.pack("<II", MAGIC, len(payload)) + payload + bytes(-len(payload) % 4)


def labelled(encoded: bytes, *labels: float, number: int = 0) -> bytes:
    """An image and its labels as MXNet packs them into a record."""
    if len(labels) == 1:
        return record(struct.pack("<IfQQ", 0, labels[0], number, 0) + encoded)
    header = struct.pack(f"<IfQQ{len(labels)}f", len(labels), 0, number, 0, *labels)
    return record(header + encoded)


def shard(count: int, seed: int = 0) -> bytes:
    """A .rec file of so many images, both classes in turn."""
    return b"".join(
        labelled(image(number % 2, seed + number), number % 2, number=number) for number in range(count)
    )
