"""The program of an endpoint or a batch transform, run as a module as `train` is.

POST /invocations takes one image as `application/x-image`, `image/png` or `image/jpeg`, and answers the
probability of every class as a JSON list, or `{"prediction": […]}` as a JSON line.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/image-classification.html#IC-inference
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from embedded_aws.algorithms.image_classification import images, model
from embedded_aws.algorithms.image_classification.data import IMAGES
from embedded_aws.algorithms.image_classification.images import Geometry
from embedded_aws.algorithms.image_classification.learning import Network
from embedded_aws.runtime import inference_server

JSON, JSON_LINES = "application/json", "application/jsonlines"
ANY_JSON = (JSON, "application/*", "*/*", "")


class Classifier:
    """A model ready to answer for one image at a time."""

    def __init__(self, directory: Path) -> None:
        loaded = model.load(directory)
        _, height, width = loaded.architecture.image_shape
        self._geometry = Geometry(height, width, loaded.resize)
        self._network = Network(loaded, batch_size=1)

    def probabilities(self, encoded: bytes) -> list[float]:
        """The probability of every class.

        Raises:
            ValueError: the image cannot be read.
            ArithmeticError: the model's answer is no number.
        """
        pixels = images.centred(encoded, self._geometry)
        answer = self._network.answer(pixels.transpose(2, 0, 1)[None].astype(np.float32))[0]
        if not np.isfinite(answer).all():
            raise ArithmeticError("model: answers NaN, expected probabilities. Train it again.")
        return [float(value) for value in answer]


def model_fn(directory: str) -> Classifier:
    """The model in a directory."""
    return Classifier(Path(directory))


def transform_fn(classifier: Classifier, body: bytes, content_type: str, accept: str) -> tuple[str, str]:
    """The answer to a request, and its content type.

    Raises:
        UnsupportedFormat: neither an image is sent nor JSON accepted.
        ValueError: the image cannot be read.
    """
    if content_type.partition(";")[0].strip() not in IMAGES:
        raise inference_server.UnsupportedFormat(
            f"Content type {content_type} is not supported, expected one of {', '.join(IMAGES)}."
        )
    accepted = {kind.partition(";")[0].strip() for kind in accept.split(",")}
    if not accepted & {JSON_LINES, *ANY_JSON}:
        raise inference_server.UnsupportedFormat(
            f"Accept {accept} is not supported, expected {JSON} or {JSON_LINES}."
        )
    probabilities = classifier.probabilities(body)
    if JSON_LINES in accepted:
        return json.dumps({"prediction": probabilities}) + "\n", JSON_LINES
    return json.dumps(probabilities), JSON


if __name__ == "__main__":
    inference_server.serve(__file__)
