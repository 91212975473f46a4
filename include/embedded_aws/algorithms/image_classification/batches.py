"""Batches of pixels and targets, made in a thread of their own while the network works."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from embedded_aws.algorithms.image_classification import images
from embedded_aws.algorithms.image_classification.data import CLASS_ID, Example, Source
from embedded_aws.algorithms.image_classification.failures import CustomerError
from embedded_aws.algorithms.image_classification.hyperparameters import SEED, Hyperparameters
from embedded_aws.algorithms.image_classification.images import Geometry

AHEAD = 4
PATIENCE_S = 0.1  # how soon a thread that waits notices that its batches are not wanted any more

T = TypeVar("T")


@dataclass(frozen=True)
class Batch:
    """Pixels (images, 3, height, width) 0 to 255, and targets (images, classes) 0 or 1."""

    pixels: NDArray[np.float32]
    targets: NDArray[np.float32]


class Batches:
    """Makes the batches of the channels of a job."""

    def __init__(self, parameters: Hyperparameters) -> None:
        self._parameters = parameters
        _, height, width = parameters.image_shape
        self._geometry = Geometry(height, width, parameters.resize)

    def training(self, source: Source, epoch: int) -> Iterator[Batch]:
        """Full batches of varied images; those of the end that fill none are left out.

        Raises:
            CustomerError: an image or a label is not as it should be.
        """
        rng = np.random.default_rng([SEED, epoch])
        kind = self._parameters.augmentation_type
        size = self._parameters.mini_batch_size
        examples = source.examples(rng)
        while len(chosen := list(itertools.islice(examples, size))) == size:
            pixels = self._stacked(chosen, lambda e: images.varied(e.encoded, self._geometry, kind, rng))
            if kind in ("crop_color", "crop_color_transform"):
                pixels = images.recoloured(pixels, rng)
            yield self._batch(pixels, chosen, source.label_format)

    def validation(self, source: Source) -> Iterator[Batch]:
        """Every image once; the last batch may be smaller.

        Raises:
            CustomerError: an image or a label is not as it should be.
        """
        examples = source.examples(None)
        while chosen := list(itertools.islice(examples, self._parameters.mini_batch_size)):
            pixels = self._stacked(chosen, lambda e: images.centred(e.encoded, self._geometry))
            yield self._batch(pixels, chosen, source.label_format)

    def _stacked(self, chosen: list[Example], pixels_of: Callable[[Example], images.Pixels]) -> images.Pixels:
        stacked = np.empty((len(chosen), self._geometry.height, self._geometry.width, 3), dtype=np.uint8)
        for at, example in enumerate(chosen):
            try:
                stacked[at] = pixels_of(example)
            except ValueError as error:
                raise CustomerError(example.place, error, "images only", "Correct the data.") from error
        return stacked

    def _batch(self, pixels: images.Pixels, chosen: list[Example], label_format: str) -> Batch:
        targets = np.stack([self._target(example, label_format) for example in chosen])
        return Batch(pixels.transpose(0, 3, 1, 2).astype(np.float32), targets)

    def _target(self, example: Example, label_format: str) -> NDArray[np.float32]:
        """One 1 for the class, or with several labels one for each that is set."""
        classes, labels = self._parameters.num_classes, example.labels
        if self._parameters.multi_label and label_format != CLASS_ID:
            if len(labels) != classes or not set(labels) <= {0, 1}:
                raise CustomerError(
                    example.place, f"labels {labels}", f"{classes} labels of 0 or 1", "Correct num_classes."
                )
            return np.array(labels, dtype=np.float32)
        if not self._parameters.multi_label and len(labels) != 1:
            raise CustomerError(example.place, f"{len(labels)} labels", "one", "Set multi_label to 1.")
        target = np.zeros(classes, dtype=np.float32)
        for label in labels:
            if not (0 <= label < classes and label == int(label)):
                raise CustomerError(
                    example.place,
                    f"label {label:g}",
                    f"a class from 0 to {classes - 1}",
                    "Correct the data or num_classes.",
                )
            target[int(label)] = 1
        return target


@contextmanager
def ahead(made: Iterator[T]) -> Iterator[Iterator[T]]:
    """The same items, a few made ahead in a thread, which ends with the context."""
    waiting: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(AHEAD)
    is_over = threading.Event()

    def put(item: tuple[T | None, BaseException | None]) -> None:
        while not is_over.is_set():
            try:
                waiting.put(item, timeout=PATIENCE_S)
                break
            except queue.Full:
                continue

    def make() -> None:
        try:
            for item in made:
                put((item, None))
                if is_over.is_set():
                    return
            put((None, None))
        except BaseException as error:  # noqa: BLE001 - it is raised again where the items are used
            put((None, error))

    def items() -> Iterator[T]:
        while True:
            item, error = waiting.get()
            if error is not None:
                raise error
            if item is None:
                return
            yield item

    thread = threading.Thread(target=make, name="batches", daemon=True)
    thread.start()
    try:
        yield items()
    finally:
        is_over.set()
        thread.join()
