from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from labelled_images import image

from embedded_aws.algorithms.image_classification.batches import Batch, Batches, ahead
from embedded_aws.algorithms.image_classification.data import CLASS_ID, MULTI_HOT, Example, Source
from embedded_aws.algorithms.image_classification.failures import CustomerError
from embedded_aws.algorithms.image_classification.hyperparameters import parse


class Given(Source):
    def __init__(self, *examples: Example, label_format: str = MULTI_HOT) -> None:
        self._examples, self.label_format = examples, label_format

    def examples(self, rng: np.random.Generator | None) -> Iterator[Example]:
        yield from self._examples


def batches(**changes: str) -> Batches:
    given = {
        "num_classes": "3",
        "num_training_samples": "5",
        "mini_batch_size": "2",
        "image_shape": "3,12,12",
    }
    return Batches(parse({**given, **changes}))


def examples(*labels: float) -> Given:
    return Given(*(Example(image(int(label) % 2), (label,), f"image {label:g}") for label in labels))


def test_training_takes_full_batches_and_validation_all() -> None:
    source = examples(0, 1, 2, 1, 0)
    training, validation = list(batches().training(source, 0)), list(batches().validation(source))
    assert [batch.pixels.shape for batch in training] == [(2, 3, 12, 12)] * 2
    assert [len(batch.pixels) for batch in validation] == [2, 2, 1]
    assert validation[0].targets.tolist() == [[1, 0, 0], [0, 1, 0]]
    assert 150 < validation[0].pixels[0].mean() < 250


def test_the_same_epoch_is_the_same_and_another_is_not() -> None:
    def pixels(epoch: int) -> bytes:
        made = batches(augmentation_type="crop_color_transform").training(examples(0, 1), epoch)
        return next(made).pixels.tobytes()

    assert pixels(1) == pixels(1) != pixels(2)


def test_several_labels() -> None:
    def targets(label_format: str, *labels: float) -> list[list[float]]:
        source = Given(Example(image(0), labels, "image 1"), label_format=label_format)
        return next(batches(multi_label="1").validation(source)).targets.tolist()

    assert targets(MULTI_HOT, 1, 0, 1) == targets(CLASS_ID, 0, 2) == [[1, 0, 1]]
    with pytest.raises(CustomerError, match=r"image 1: labels \(0, 2\), expected 3 labels of 0 or 1"):
        targets(MULTI_HOT, 0, 2)


@pytest.mark.parametrize(
    ("label", "message"),
    [(3, "image 3: label 3, expected a class from 0 to 2"), (0.5, "label 0.5"), (-1, "label -1")],
)
def test_a_label_that_is_no_class(label: float, message: str) -> None:
    with pytest.raises(CustomerError, match=message):
        list(batches().validation(examples(label)))


def test_an_image_that_cannot_be_read_is_named() -> None:
    with pytest.raises(CustomerError, match=r"record 7: image that cannot be read .*, expected images only"):
        list(batches().validation(Given(Example(b"x", (0,), "record 7"))))


def test_what_goes_wrong_in_the_thread_is_raised_outside() -> None:
    def made() -> Iterator[int]:
        yield 1
        raise CustomerError("Channel train", "broken", "whole", "Mend it.")

    with pytest.raises(CustomerError, match="Channel train: broken"), ahead(made()) as items:
        assert list(items) == [1]


def test_the_thread_ends_with_its_reader() -> None:
    batch = Batch(np.zeros((1, 3, 1, 1), np.float32), np.zeros((1, 1), np.float32))
    with ahead(iter([batch] * 100)) as items:
        next(items)
    assert not [thread for thread in threading.enumerate() if thread.name == "batches"]
