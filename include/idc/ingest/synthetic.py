"""Generate an archive in the layout of the Kaggle archive, for those who do not have it.

Slides on a grid of 50 pixels, patients of different size, class share and stain, cut patches at the lower
edge of every third slide, the whole tree twice. The classes can be learnt but overlap: class 1 has more
nuclei, in nests, and less fat. The same arguments give the same bytes in the same environment.
"""

from __future__ import annotations

import struct
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from idc.converter import png
from idc.converter.patches import DOUBLED_TREE, PATCH_PX, Patch
from idc.errors import ConfigurationError, StorageError
from idc.ingest.tissue import Textures, Tissue, draw_stain
from idc.ingest.zipstream import ZipStream

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FIRST_PATIENT = 90001  # above every patient of the Kaggle archive
_MOST_PATIENTS = 9999
_SLIDE_INDEX = 5
_CLASS_1_SHARE = 0.28
_BATCH = 32
_SPOOL_BYTES = 16 << 20
_ENTRY = struct.Struct("<HH")


@dataclass(frozen=True)
class Slide:
    """One patient's patches: places in pixels from 1, heights (50 but at a cut edge), labels and tissue."""

    patient: str
    stain: NDArray[np.uint8]
    xs: NDArray[np.int64]
    ys: NDArray[np.int64]
    heights: NDArray[np.int64]
    labels: NDArray[np.int64]
    tissue: Tissue


def write_archive(
    target: str | Path | IO[bytes],
    *,
    patients: int,
    patches: int,
    seed: int,
    grows: int = 0,
    months: int = 0,
) -> None:
    """Write an archive of `patches` distinct patches to a path or binary stream.

    `grows` patients more are in it for each of `months`, with as many patches each as the others on average.

    Raises:
        ConfigurationError: the numbers make no archive.
        StorageError: the disk did not take it.
    """
    blocks = archive_blocks(patients=patients, patches=patches, seed=seed, grows=grows, months=months)
    if not isinstance(target, (str, Path)):
        target.writelines(blocks)
        return
    try:
        with open(target, "wb") as stream:
            stream.writelines(blocks)
    except OSError as error:
        raise _unwritable(str(target), error) from error


def archive_blocks(
    *, patients: int, patches: int, seed: int, grows: int = 0, months: int = 0
) -> Iterator[bytes]:
    """Return the archive's bytes piece by piece, in bounded memory; arguments as of `write_archive`.

    Raises:
        ConfigurationError: the numbers make no archive.
        StorageError: while reading, the disk did not take the copy for the doubled tree.
    """
    total = patients + grows * months
    is_possible = 1 <= patients <= total <= _MOST_PATIENTS and min(grows, months) >= 0
    if not is_possible or patches < 2 * patients or seed < 0:
        observed = f"{total} patients, {patches} patches, seed {seed}"
        expected = f"1 to {_MOST_PATIENTS} patients, two patches or more for each, a seed from 0"
        raise ConfigurationError("synthetic archive", "of", observed, expected, "Correct the numbers.")
    waves = [(patients, patches), *([(grows, patches * grows // patients)] * (months if grows else 0))]
    return _spooled(waves, seed)


def _spooled(waves: list[tuple[int, int]], seed: int) -> Iterator[bytes]:
    try:
        yield from _blocks(waves, seed)
    except OSError as error:
        raise _unwritable(tempfile.gettempdir(), error) from error


def _blocks(waves: list[tuple[int, int]], seed: int) -> Iterator[bytes]:
    with ZipStream() as archive, tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as spool:
        for member, image in _members(waves, seed):
            raw = member.encode("ascii")
            spool.write(_ENTRY.pack(len(raw), len(image)) + raw + image)
            yield archive.member(member, image)
        spool.seek(0)
        for head in iter(lambda: spool.read(_ENTRY.size), b""):
            name_size, image_size = _ENTRY.unpack(head)
            member = spool.read(name_size).decode("ascii")
            yield archive.member(DOUBLED_TREE + member, spool.read(image_size))
        yield from archive.end()


def _members(waves: list[tuple[int, int]], seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield (member, image) in the order of the names, as the Kaggle archive has them."""
    rng = np.random.default_rng(seed)
    textures = Textures(rng)
    sizes = [size for patients, patches in waves for size in _draw_sizes(rng, patients, patches)]
    for number, size in enumerate(sizes):
        slide = draw_slide(np.random.default_rng((seed, number)), number, size)
        named = [(_patch(slide, at), at) for at in range(size)]
        named.sort(key=lambda pair: pair[0].member)
        for start in range(0, size, _BATCH):
            batch = named[start : start + _BATCH]
            images = _paint(textures, slide, [at for _, at in batch])
            yield from zip((patch.member for patch, _ in batch), images, strict=True)


def _draw_sizes(rng: np.random.Generator, patients: int, patches: int) -> list[int]:
    """Return the number of patches of each patient of one month."""
    weights = rng.uniform(0.5, 3, size=patients) ** 2
    sizes: list[int] = (2 + _apportion(weights, patches - 2 * patients)).tolist()
    return sizes


def draw_slide(rng: np.random.Generator, number: int, size: int) -> Slide:
    """Return the slide of patient `number` with `size` patches: a blob of tissue, a tumour within."""
    columns, rows = _draw_blob(rng, size)
    share = float(np.clip(rng.beta(2.2, 2.2 / _CLASS_1_SHARE - 2.2), 0.04, 0.8))
    carcinoma = min(max(round(share * size), 1), size - 1)
    heart = int(rng.integers(size))
    distance = np.hypot(columns - columns[heart], rows - rows[heart]) / np.sqrt(size)
    ranks = np.argsort(np.argsort(distance + rng.normal(0, 0.06, size)))
    labels = (ranks < carcinoma).astype(np.int64)
    heights = np.full(size, PATCH_PX)
    if number % 3 == 0:
        heights[rows == rows.max()] = rng.integers(1, PATCH_PX)
    left, top = rng.integers(0, 20, size=2)
    return Slide(
        patient=str(_FIRST_PATIENT + number),
        stain=draw_stain(rng),
        xs=1 + PATCH_PX * (columns - columns.min() + left),
        ys=1 + PATCH_PX * (rows - rows.min() + top),
        heights=heights,
        labels=labels,
        tissue=_draw_tissue(rng, labels),
    )


def _draw_blob(rng: np.random.Generator, size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return columns and rows of `size` cells of a grid that lie together."""
    side = int(np.ceil(np.sqrt(size) * 1.8)) + 1
    rows, columns = np.divmod(np.arange(side * side), side)
    stretch = rng.uniform(0.7, 1.4)
    distance = np.hypot((columns - side / 2) * stretch, (rows - side / 2) / stretch)
    chosen = np.sort(np.argsort(distance + rng.normal(0, 0.04 * side, side * side), kind="stable")[:size])
    return columns[chosen], rows[chosen]


def _draw_tissue(rng: np.random.Generator, labels: NDArray[np.int64]) -> Tissue:
    """Return tissue whose malignancy, a hidden quantity, follows the labels only roughly."""
    malignancy = np.where(labels == 1, 0.9, -0.9) + rng.normal(0, 0.6, len(labels)) + rng.normal(0, 0.15)
    fat = rng.normal(0, 0.8, len(labels)) - 1.5 - 0.4 * malignancy
    return Tissue(
        nuclei=(0.45 * malignancy - 1.5).astype(np.float32),
        nests=np.clip(0.5 + 0.25 * malignancy, 0.1, 1.2).astype(np.float32),
        fat=np.clip(fat, -4, 0.2).astype(np.float32),
    )


def _patch(slide: Slide, at: int) -> Patch:
    return Patch(slide.patient, _SLIDE_INDEX, int(slide.xs[at]), int(slide.ys[at]), int(slide.labels[at]))


def _paint(textures: Textures, slide: Slide, batch: list[int]) -> Iterator[bytes]:
    tissue = Tissue(slide.tissue.nuclei[batch], slide.tissue.nests[batch], slide.tissue.fat[batch])
    # The windows of two patients must not show the same noise: each begins somewhere else.
    start = int(slide.patient) * 331
    pixels = textures.paint(tissue, slide.stain, slide.xs[batch] + start, slide.ys[batch] + start // 7)
    rows = np.empty((len(batch), PATCH_PX, 1 + 3 * PATCH_PX), dtype=np.uint8)
    flat = pixels.reshape(len(batch), PATCH_PX, 3 * PATCH_PX)
    rows[:, :, 0] = 1  # the filter Sub: each byte minus the same colour of the pixel before
    rows[:, :, 1:4] = flat[:, :, :3]
    np.subtract(flat[:, :, 3:], flat[:, :, :-3], out=rows[:, :, 4:])
    for filtered, height in zip(rows, slide.heights[batch].tolist(), strict=True):
        yield png.assemble(PATCH_PX, height, zlib.compress(filtered[:height].tobytes(), 1))


def _apportion(weights: NDArray[np.float64], total: int) -> NDArray[np.int64]:
    """Return whole numbers in proportion to the weights that add up to `total`."""
    bounds = np.round(np.cumsum(weights) / weights.sum() * total).astype(np.int64)
    return np.asarray(np.diff(bounds, prepend=0))


def _unwritable(path: str, error: OSError) -> StorageError:
    observed, action = error.strerror or str(error), "Make room there and retry."
    return StorageError("synthetic archive", f"in {path}", observed, "a disk with room", action)
