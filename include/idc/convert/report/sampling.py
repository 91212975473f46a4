"""Which patches a report looks at: a seeded sample of each class, and all of the slides that are shown.

Two passes bound memory and work at any size of the dataset: the first reads names only and chooses; the
second reads the shards that hold a chosen patch, one at a time.
"""

from __future__ import annotations

import hashlib
import heapq
import io
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from idc import layout
from idc.converter.index import DatasetIndex
from idc.converter.patches import Patch, parse_name
from idc.converter.records import recordio
from idc.converter.split import SplitRow
from idc.storage import ObjectStore

SAMPLE_PER_CLASS = 2000
SLIDES_PER_SPLIT = 2


@dataclass(frozen=True)
class Choice:
    """The chosen patches: `sample` by class in seeded order, `slides` by patient and slide number."""

    sample: dict[int, list[Patch]] = field(default_factory=lambda: {0: [], 1: []})
    slides: dict[tuple[str, int], list[Patch]] = field(default_factory=dict)

    def holds(self, patch: Patch) -> bool:
        """Return whether a patch of this name is on a slide that is shown."""
        return (patch.patient, patch.slide) in self.slides


def choose_patients(rows: list[SplitRow], count: int = SLIDES_PER_SPLIT) -> dict[str, list[str]]:
    """Return each split's patients whose slides are shown: the largest, those with both classes first."""
    chosen = {}
    for split in layout.SPLITS:
        own = [row for row in rows if row.split == split and row.patches]
        own.sort(key=lambda row: (min(row.class0, row.class1) == 0, -row.patches, row.patient))
        chosen[split] = [row.patient for row in own[:count]]
    return chosen


def choose(
    store: ObjectStore, index: DatasetIndex, patients: set[str], per_class: int = SAMPLE_PER_CLASS
) -> Choice:
    """Return a sample of each class, drawn by the dataset's seed, and the patients' largest slides."""
    drawn: dict[int, list[tuple[bytes, str]]] = {0: [], 1: []}
    slides: dict[tuple[str, int], list[Patch]] = {}
    for shard in _shards(index):
        lines = [line.split("\t") for line in _names(store, index, shard)]
        for label, before in drawn.items():
            own = ((_draw(index.seed, name), name) for _, found, name in lines if int(found) == label)
            drawn[label] = heapq.nsmallest(per_class, [*before, *own])
        for _, _, name in lines:
            if name.partition("_")[0] in patients:
                patch = parse_name(name)
                slides.setdefault((patch.patient, patch.slide), []).append(patch)
    shown = [_largest(slides, patient) for patient in sorted({owner for owner, _ in slides})]
    return Choice(
        sample={label: [parse_name(name) for _, name in pairs] for label, pairs in drawn.items()},
        slides={key: slides[key] for key in shown},
    )


def read_chosen(
    store: ObjectStore, index: DatasetIndex, choice: Choice
) -> Iterator[tuple[Patch, NDArray[np.uint8]]]:
    """Yield every chosen patch once, in the order of the shards, with its pixels, shape (50, 50, 3)."""
    sampled = {patch.name for patches in choice.sample.values() for patch in patches}
    for shard in _shards(index):
        patches = [parse_name(line.split("\t")[2]) for line in _names(store, index, shard)]
        wanted = {
            at: patch for at, patch in enumerate(patches) if patch.name in sampled or choice.holds(patch)
        }
        if not wanted:
            continue
        for at, record in enumerate(recordio.read_records(store.get(_prefix(index) + shard), shard)):
            if at in wanted:
                with Image.open(io.BytesIO(record.image), formats=("PNG", "JPEG")) as opened:
                    yield wanted[at], np.asarray(opened.convert("RGB"))


def _shards(index: DatasetIndex) -> Iterator[str]:
    """Yield the keys of the record files, below the dataset's prefix."""
    for shard in index.shards:
        if shard.format == layout.RECORDIO:
            yield shard.key


def _names(store: ObjectStore, index: DatasetIndex, shard: str) -> list[str]:
    """Return the lines of a shard's list: number, label, name."""
    stem = _prefix(index) + shard.removesuffix(recordio.RECORDS)
    return store.get(stem + recordio.NAMES).decode("ascii").splitlines()


def _largest(slides: dict[tuple[str, int], list[Patch]], patient: str) -> tuple[str, int]:
    """Return a patient's slide with the most patches, the first of several."""
    own = [key for key in slides if key[0] == patient]
    return max(own, key=lambda key: (len(slides[key]), -key[1]))


def _prefix(index: DatasetIndex) -> str:
    return layout.dataset_prefix(index.dataset_digest)


def _draw(seed: int, name: str) -> bytes:
    return hashlib.blake2b(f"{seed}/report/{name}".encode(), digest_size=16).digest()
