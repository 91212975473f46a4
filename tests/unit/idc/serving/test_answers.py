from __future__ import annotations

import numpy as np
import pytest

from idc.serving import answers
from idc.serving.answers import Tissue
from idc.serving.problems import Problem


@pytest.mark.parametrize("body", [b"[0.25, 0.75]", b"[0.249, 0.752]"])
def test_an_answer_is_the_probability_of_class_1(body: bytes) -> None:
    assert answers.probability(body) == pytest.approx(0.75, abs=0.01)


@pytest.mark.parametrize(
    "body",
    [b"[NaN, NaN]", b"[0.5]", b"[0.2, 0.2]", b"[-0.5, 1.5]", b"{}", b"x", b'["a", "b"]', b"null", b"\xff"],
)
def test_anything_else_is_a_model_error(body: bytes) -> None:
    with pytest.raises(Problem) as caught:
        answers.probability(body)
    assert (caught.value.kind.status, caught.value.kind.title) == (500, "ModelError")


def codes(pixels: np.ndarray, value: float = 0.9, threshold: float = 0.3) -> list[str]:
    found = answers.doubts(Tissue.of(np.asarray(pixels, dtype=np.uint8)), value, threshold)
    return [reason.code for reason in found]


def stained(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers((150, 80, 140), (230, 160, 210), (50, 50, 3))


def test_nothing_speaks_against_stained_tissue() -> None:
    assert codes(stained()) == []


def test_white_grey_uniform_and_partial_patches_are_doubted() -> None:
    white = np.full((50, 50, 3), 250)
    mostly_white = stained()
    mostly_white[:46] = 250
    grey = np.repeat(stained()[..., :1], 3, axis=2)
    assert codes(white) == ["little_tissue", "uniform"]
    assert codes(mostly_white) == ["little_tissue"]
    assert codes(grey) == ["colourless"]
    assert codes(np.full((50, 50, 3), (150, 80, 140))) == ["uniform"]
    assert codes(stained()[:, :20]) == ["partial"]


@pytest.mark.parametrize(
    ("value", "threshold", "is_near"),
    [
        (0.31, 0.3, True),
        (0.29, 0.3, True),
        (0.4, 0.3, False),
        (0.2, 0.3, False),
        (0.0, 0.3, False),
        (1.0, 0.3, False),
    ],
)
def test_near_the_threshold_is_doubted(value: float, threshold: float, is_near: bool) -> None:
    assert ("near_threshold" in codes(stained(), value, threshold)) is is_near
